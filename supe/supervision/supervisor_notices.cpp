// What a supervisor publishes, and who hears it: children that watch, listeners outside the tree,
// its own supervisor.
#include "supe/supervision/supervisor.hpp"
#include "supe/text/json_text.hpp"

#include <fmt/format.h>
#include <algorithm>

namespace supe {

std::uint64_t supervisor::watcher_of(const child& c) {
    return (static_cast<std::uint64_t>(c.number()) << 32) | (c.mail().life & 0xffffffffu);
}

/// False where it is so slow that this one is lost: it never delays a supervisor.
bool supervisor::send_to_watcher(std::uint64_t watcher, const std::string& notice,
                                 const std::string& message) {
    const auto found = places_.find(static_cast<int>(watcher >> 32));
    if (found == places_.end() || !found->second.who.mail().wire) return true;
    const auto& wire = found->second.who.mail().wire;
    if (wire->backlog() > channel::backlog_limit) return false;
    append_signal(wire->out(), "NOTICEBOARD-EVENT",
                  fmt::format(R"({{"type":"notice","notice":{},"msg":{{"notice":{}}}}})",
                              json_quoted(notice), message.empty() ? "null" : message));
    router_.touch(wire);
    return true;
}

/// At a bounded rate. That the notice about it is lost too is not told again.
void supervisor::on_pipe_failure(std::uint64_t watcher, const std::string& notice) {
    const auto found = places_.find(static_cast<int>(watcher >> 32));
    if (found == places_.end() || notice.ends_with("notice-pipe-failure")) return;
    if (!found->second.strange_ones().rate.add(env_.time.now())) return;
    const std::string name = found->second.who.spec().name;
    const std::string fields =
        fmt::format(R"("citizen":{},"notice":{},"error":"it does not read what it watches")",
                    json_quoted(name), json_quoted(notice));
    publish("notice-pipe-failure", fmt::format(R"({{"name":{},{}}})", json_quoted(name), fields),
            name);
    publish_about(name, "notice-pipe-failure", fields);
}

void supervisor::publish(const std::string& notice, const std::string& message,
                         const std::string& source) {
    if (!board_.refusal(notice).empty()) return;
    const auto now = env_.time.wall();
    const auto event = board_.publish(
        notice, message.empty() ? std::nullopt : std::optional<std::string_view>(message),
        {source, now});
    std::vector<std::uint64_t> lost;
    for (const auto watcher : event.watchers)
        if (!send_to_watcher(watcher, notice, std::string(event.message))) lost.push_back(watcher);
    for (const auto& [id, listener] : listeners_) {
        const auto& names = listener.first;
        if (names.empty() ? !is_output_notice(notice)
                          : std::ranges::find(names, notice) != names.end())
            listener.second({notice, std::string(event.message), source, now});
    }
    if (uplink_ && std::ranges::find(spec_.forward, notice) != spec_.forward.end())
        send_notice_up(notice, message);
    router_.flush();
    for (const auto watcher : lost) on_pipe_failure(watcher, notice);
}

/// It carries no source: above it comes from the child that we are there.
void supervisor::send_notice_up(const std::string& notice, const std::string& message) {
    append_signal(uplink_->out(), "NOTICEBOARD-REQUEST",
                  fmt::format(R"({{"type":"notify","notice":{},"message":{}}})",
                              json_quoted(notice), message.empty() ? "null" : message));
    router_.touch(uplink_);
}

void supervisor::notify(const std::string& notice, const std::string& message) {
    if (!uplink_) return publish(notice, message);
    send_notice_up(notice, message);
    router_.flush();
}

bool supervisor::is_output_notice(std::string_view notice) const {
    for (const std::string_view end : {"-output", "-error"}) {
        if (notice.ends_with(end))
            return numbers_.contains(notice.substr(0, notice.size() - end.size()));
    }
    return false;
}

bool supervisor::is_watched(const std::string& notice) const {
    return board_.watched(notice) || std::ranges::any_of(listeners_, [&](const auto& entry) {
               return std::ranges::find(entry.second.first, notice) != entry.second.first.end();
           });
}

void supervisor::publish_about(const std::string& name, std::string_view what,
                               std::string_view fields) {
    const std::string message =
        fmt::format(R"({{"name":{}{}{}}})", json_quoted(name), fields.empty() ? "" : ",", fields);
    for (const std::string_view prefix :
         {std::string_view("component"), std::string_view("citizen"), std::string_view(name)})
        publish(fmt::format("{}-{}", prefix, what), message, name);
}

std::uint64_t supervisor::listen(std::vector<std::string> names,
                                 std::function<void(const published&)> listener) {
    const auto tell = [&listener](const noticeboard::cached_notice& n) {
        listener(
            {std::string(n.notice), std::string(n.message), std::string(n.from.source), n.from.at});
    };
    for (const std::string& name : names) {
        if (const auto last = board_.last(name)) tell(*last);
    }
    if (names.empty()) {
        board_.for_each_cached([&](const noticeboard::cached_notice& n) {
            if (!is_output_notice(n.notice)) tell(n);
        });
    }
    listeners_.emplace(++last_listener_, std::pair(std::move(names), std::move(listener)));
    return last_listener_;
}

void supervisor::stop_listening(std::uint64_t id) { listeners_.erase(id); }

}  // namespace supe
