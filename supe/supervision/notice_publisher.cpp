#include "supe/supervision/notice_publisher.hpp"

#include "supe/channel/message.hpp"
#include "supe/text/json_text.hpp"
#include "supe/text/json_value.hpp"

#include <fmt/format.h>
#include <algorithm>

namespace supe {
namespace {

/// Bytes that all watchers of a notice may have unread, when one more gets it.
constexpr std::size_t unread_limit = 64u << 20;

/// The watcher id of one life of one child.
std::uint64_t watcher_of(const child& c) {
    return (static_cast<std::uint64_t>(c.number()) << 32) | c.life();
}
int child_of(std::uint64_t watcher) { return static_cast<int>(watcher >> 32); }

/// False when the watcher has too much unread: the notice is lost for it.
bool has_room(channel& link) { return link.has_room(channel::backlog_limit); }

/// The frame of NOTICEBOARD-EVENT.
std::string event_frame(std::string_view notice, std::string_view message) {
    std::string data =
        fmt::format(R"({{"type":"notice","notice":{},"msg":{{"notice":)", json_quoted(notice));
    data.reserve(data.size() + message.size() + 2);
    data += message;
    data += "}}";
    std::string frame;
    frame.reserve(data.size() + 64);
    append_signal(frame, signal_kind::noticeboard_event, data);
    return frame;
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
    return std::ranges::find(names, name) != names.end();
}

std::string response_of(std::string_view type, std::string_view notice, std::string_view error) {
    return fmt::format(R"({{"type":{}{}{},"success":{}{}}})", json_quoted(type),
                       notice.empty() ? "" : R"(,"notice":)", notice, error.empty(),
                       error.empty() ? "" : fmt::format(R"(,"error":{})", json_quoted(error)));
}

}  // namespace

// --- publish ---

void notice_publisher::publish(const std::string& notice, std::string message,
                               const std::string& source) {
    if (!board_.refusal(notice).empty()) return;
    const notice_origin from{source, time_.wall()};
    std::optional<std::string> given;
    if (!message.empty()) given = std::move(message);
    const auto event = board_.publish(notice, std::move(given), from);
    const std::vector<std::uint64_t> lost = to_watchers(event);
    to_listeners(event, from);
    const bool goes_up = above_ && contains(forward_, notice);
    const bool is_lost_above = goes_up && !above_->send_notice(notice, event.message);
    out_.flush();
    for (const auto watcher : lost) on_pipe_failure(watcher, notice);
    if (is_lost_above) on_loss_above(notice);
}

/// Returns those that lost it. Its frame is made once.
std::vector<std::uint64_t> notice_publisher::to_watchers(const noticeboard::event& event) {
    std::vector<std::uint64_t> lost;
    std::string frame;
    std::size_t unread = 0;  // a large notice to many watchers that do not read is held once each
    for (const auto watcher : event.watchers) {
        channel* const link = link_to(watcher);
        if (!link) continue;
        if (unread > unread_limit || !has_room(*link)) {
            lost.push_back(watcher);
        } else {
            if (frame.empty()) frame = event_frame(event.notice, event.message);
            send_to(*link, frame);
        }
        unread += link->backlog();
    }
    return lost;
}

void notice_publisher::to_listeners(const noticeboard::event& event, const notice_origin& from) {
    const std::string name(event.notice);
    std::optional<published> whole;  // made once
    for (const auto& [id, l] : listeners_) {
        const bool wants =
            l.names.empty() ? !is_output_notice(name) : std::ranges::binary_search(l.names, name);
        if (!wants) continue;
        if (!whole) whole = {name, std::string(event.message), std::string(from.source), from.at};
        l.to(*whole);
    }
}

void notice_publisher::publish_about(const std::string& name, std::string_view what,
                                     std::string_view fields) {
    const std::string message =
        fmt::format(R"({{"name":{}{}{}}})", json_quoted(name), fields.empty() ? "" : ",", fields);
    for (const std::string_view prefix :
         {std::string_view("component"), std::string_view("citizen"), std::string_view(name)})
        publish(fmt::format("{}-{}", prefix, what), message, name);
}

void notice_publisher::notify_above(const std::string& notice, const std::string& message) {
    if (!above_) return publish(notice, message);
    const bool is_sent = above_->send_notice(notice, message);
    out_.flush();
    if (!is_sent) on_loss_above(notice);
}

void notice_publisher::publish_line(const child& c, stream s, std::string_view line) {
    const std::string& name = c.spec().name;
    const std::string notice = name + (s == stream::out ? "-output" : "-error");
    if (!is_watched(notice)) return;
    std::string text;
    append_json_output(text, line);
    publish(notice, text, name);
}

/// Null when the watcher is gone.
channel* notice_publisher::link_to(std::uint64_t watcher) const {
    const child_entry* const entry = children_.find(child_of(watcher));
    return entry ? entry->who.link() : nullptr;
}

void notice_publisher::send_to(channel& link, std::string_view frame) {
    link.out() += frame;
    out_.add(link);
}

/// Publishes the loss at a bounded rate. A loss of the notice about a loss is not published.
void notice_publisher::on_pipe_failure(std::uint64_t watcher, const std::string& notice) {
    child_entry* const entry = children_.find(child_of(watcher));
    if (!entry || notice.ends_with("notice-pipe-failure")) return;
    if (!entry->strange().rate.add(time_.now())) return;
    const std::string name = entry->who.spec().name;
    const std::string fields =
        fmt::format(R"("citizen":{},"notice":{},"error":"it does not read what it watches")",
                    json_quoted(name), json_quoted(notice));
    publish("notice-pipe-failure", fmt::format(R"({{"name":{},{}}})", json_quoted(name), fields),
            name);
    publish_about(name, "notice-pipe-failure", fields);
}

/// The same about the supervisor above, which has no name here.
void notice_publisher::on_loss_above(const std::string& notice) {
    if (notice.ends_with("notice-pipe-failure") || !losses_above_.add(time_.now())) return;
    publish("notice-pipe-failure",
            fmt::format(R"({{"name":"supe","citizen":"supe","notice":{},)"
                        R"("error":"the supervisor above does not read what goes up"}})",
                        json_quoted(notice)));
}

// --- watch ---

namespace {

/// The members of a NOTICEBOARD-REQUEST, as they stand in its text: a message is not built.
struct board_request {
    std::string_view type, notice, source, opts, message;
};

board_request read_request(std::string_view text) {
    board_request r;
    for (json_members members(text); members.next();) {
        const std::string_view key = members.key();
        if (key == "type") r.type = members.value();
        if (key == "notice") r.notice = members.value();
        if (key == "source") r.source = members.value();
        if (key == "opts") r.opts = members.value();
        if (key == "message") r.message = members.value();
    }
    return r;
}

}  // namespace

/// A malformed name is answered as by npm's supe, whose component would end with an error
/// otherwise. The caller also reports it as a bad frame.
std::string notice_publisher::on_request(child& c, std::string_view text) {
    const board_request request = read_request(text);
    const std::size_t size = text.size() - request.message.size();
    if (size > signal_data_limit)
        return fmt::format("NOTICEBOARD-REQUEST: {} bytes beside the message, at most {}", size,
                           signal_data_limit);
    const std::string type = json_string_or_empty(request.type);
    const std::string notice = json_string_or_empty(request.notice);
    const std::string_view as_given = request.notice;
    const boost::json::object options = parse_object(request.opts);
    std::string problem, error;
    std::optional<std::string> cached;
    if (notice.empty()) {
        problem = fmt::format(
            "NOTICEBOARD-REQUEST: notice must be a string with something in it, not {:.40}",
            as_given.empty() ? "missing" : as_given);
    } else if (type == "watch") {
        auto answer = board_.watch(watcher_of(c), notice,
                                   {.once = flag_of(options, "once", false),
                                    .use_cache = flag_of(options, "useCache", false)});
        error = std::move(answer.error);
        cached = std::move(answer.cached);
    } else if (type == "ignore") {
        board_.ignore(watcher_of(c), notice);
    } else if (type != "notify") {
        error = fmt::format("type {} is not one of watch, ignore, notify", json_quoted(type));
    }
    c.signal(signal_kind::noticeboard_response, response_of(type, as_given, error));
    if (cached && c.link()) {
        if (has_room(*c.link())) {
            send_to(*c.link(), event_frame(notice, *cached));
        } else {
            on_pipe_failure(watcher_of(c), notice);
        }
    }
    if (type != "notify" || notice.empty()) return problem;
    const std::string source = json_string_or_empty(request.source);
    // The message is the text of the frame, so no digit of a number is lost.
    publish(notice, std::string(request.message),
            source.empty() ? c.spec().name : fmt::format("{}-{}", c.spec().name, source));
    return problem;
}

void notice_publisher::forget_watches_of(const child& c) { board_.forget(watcher_of(c)); }

bool notice_publisher::is_output_notice(std::string_view notice) const {
    for (const std::string_view end : {"-output", "-error"}) {
        if (notice.ends_with(end))
            return children_.find(notice.substr(0, notice.size() - end.size())) != nullptr;
    }
    return false;
}

bool notice_publisher::is_watched(const std::string& notice) const {
    return board_.watched(notice) || std::ranges::any_of(listeners_, [&](const auto& entry) {
               return std::ranges::binary_search(entry.second.names, notice);
           });
}

std::uint64_t notice_publisher::listen(std::vector<std::string> names, listener to) {
    const auto send = [&to](const noticeboard::cached_notice& n) {
        to({std::string(n.notice), std::string(n.message), std::string(n.from.source), n.from.at});
    };
    for (const std::string& name : names) {
        if (const auto last = board_.last(name)) send(*last);
    }
    if (names.empty()) {
        board_.for_each_cached([&](const noticeboard::cached_notice& n) {
            if (!is_output_notice(n.notice)) send(n);
        });
    }
    std::ranges::sort(names);
    listeners_.emplace(++last_listener_, listening{std::move(names), std::move(to)});
    return last_listener_;
}

}  // namespace supe
