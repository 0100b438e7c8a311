// The noticeboard: pipes by notice, watches by watcher, and a cache whose oldest notice goes first.
#include "supe/noticeboard/noticeboard.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <utility>

namespace supe {

namespace {

/// Bytes. To copy a larger message takes longer than to share it.
constexpr std::size_t large_message = 64u << 10;

// What cjs-noticeboard's `message || null` turns into null.
bool is_falsy(std::string_view json) {
    if (json == "null" || json == "false" || json == "\"\"") return true;
    if (json.empty() || (json[0] != '-' && (json[0] < '0' || json[0] > '9'))) return false;
    const auto mantissa = json.substr(0, json.find_first_of("eE"));
    return mantissa.find_first_of("123456789") == std::string_view::npos;
}

}  // namespace

std::string noticeboard::refusal(std::string_view notice) const {
    if (notice.empty()) return "a notice needs a name";
    if (notice.size() <= limits_.name_bytes) return {};
    return fmt::format("the notice's name has {} bytes, at most {} are allowed", notice.size(),
                       limits_.name_bytes);
}

noticeboard::watch_answer noticeboard::watch(watcher_id watcher, std::string_view notice,
                                             watch_options options) {
    if (auto why = refusal(notice); !why.empty()) return {std::move(why), {}};

    if (auto topic = pipes_.find(notice); topic != pipes_.end()) {
        auto& pipes = topic->second;
        const auto own = std::ranges::find(pipes, watcher, &pipe::watcher);
        if (own != pipes.end()) {
            own->once = own->once && options.once;
            return {};
        }
    }

    watch_answer answer;
    if (const auto message = cached(notice); message && options.use_cache)
        answer.cached.emplace(*message);
    if (answer.cached && options.once) return answer;

    const auto known = watches_.find(watcher);
    if (known != watches_.end() && known->second.size() >= limits_.watches)
        return {
            fmt::format("{} notices are watched already, more are not allowed", limits_.watches),
            {}};
    watches_[watcher].emplace(notice);
    pipes_[std::string(notice)].push_back({watcher, options.once});
    return answer;
}

void noticeboard::ignore(watcher_id watcher, std::string_view notice) {
    const auto known = watches_.find(watcher);
    if (known == watches_.end()) return;
    const auto name = known->second.find(notice);
    if (name == known->second.end()) return;
    close(watcher, notice);
    known->second.erase(name);
    if (known->second.empty()) watches_.erase(known);
}

void noticeboard::forget(watcher_id watcher) {
    const auto gone = watches_.extract(watcher);
    if (gone.empty()) return;
    for (const auto& notice : gone.mapped()) close(watcher, notice);
}

void noticeboard::close(watcher_id watcher, std::string_view notice) {
    const auto topic = pipes_.find(notice);
    std::erase_if(topic->second, [watcher](const pipe& p) { return p.watcher == watcher; });
    if (topic->second.empty()) pipes_.erase(topic);
}

noticeboard::event noticeboard::publish(std::string_view notice, std::optional<std::string> message,
                                        notice_origin from) {
    event published{notice, "null", nullptr, {}};
    if (message && !is_falsy(*message)) {
        published.text = std::make_shared<const std::string>(std::move(*message));
        published.message = *published.text;
    }
    if (message) remember({notice, published.message, from}, published.text);

    const auto topic = pipes_.find(notice);
    if (topic == pipes_.end()) return published;
    std::vector<watcher_id> used_up;
    for (const auto& p : topic->second) {
        published.watchers.push_back(p.watcher);
        if (p.once) used_up.push_back(p.watcher);
    }
    for (const auto watcher : used_up) ignore(watcher, notice);
    return published;
}

noticeboard::note::note(const cached_notice& n, std::shared_ptr<const std::string> shared)
    : text(std::make_unique_for_overwrite<char[]>(size_of(n) - (shared ? shared->size() : 0))),
      large(std::move(shared)), notice_size(static_cast<std::uint32_t>(n.notice.size())),
      source_size(static_cast<std::uint32_t>(n.from.source.size())),
      message_size(static_cast<std::uint32_t>(n.message.size())), at(n.from.at) {
    // With std::ranges::copy, g++ 12 copies byte by byte.
    char* end = std::copy(n.notice.begin(), n.notice.end(), text.get());
    end = std::copy(n.from.source.begin(), n.from.source.end(), end);
    if (!large) std::copy(n.message.begin(), n.message.end(), end);
}

noticeboard::cached_notice noticeboard::note::view() const {
    const char* const source = text.get() + notice_size;
    const char* const message = large ? large->data() : source + source_size;
    return {notice(), {message, message_size}, {{source, source_size}, at}};
}

std::optional<noticeboard::cached_notice> noticeboard::last(std::string_view notice) const {
    const auto known = cached_.find(notice);
    if (known == cached_.end()) return std::nullopt;
    return (*known)->view();
}

std::optional<std::string_view> noticeboard::cached(std::string_view notice) const {
    const auto known = last(notice);
    return known ? std::optional(known->message) : std::nullopt;
}

void noticeboard::remember(const cached_notice& latest, std::shared_ptr<const std::string> text) {
    const std::string_view notice = latest.notice;
    if (const auto known = cached_.find(notice); known != cached_.end()) drop(*known);
    // A name that cannot be watched is not cached, nor a message that would push out all others.
    const std::size_t bytes = size_of(latest);
    if (!refusal(notice).empty() || bytes > limits_.cached_bytes) return;

    if (latest.message.size() <= large_message) text.reset();
    cached_.insert(cache_.emplace(cache_.end(), latest, std::move(text)));
    cached_bytes_ += bytes;
    while (cache_.size() > limits_.cached_names || cached_bytes_ > limits_.cached_bytes)
        drop(cache_.begin());
}

void noticeboard::drop(note_ref old) {
    cached_bytes_ -= size_of(old->view());
    cached_.erase(cached_.find(old));
    cache_.erase(old);
}

}  // namespace supe
