// Notices for the clients of the control socket that listen. One that does not read costs memory,
// which has a limit for each and one for all together: the slowest is closed.
#include "supe/control/server_client.hpp"
#include "supe/text/json_text.hpp"
#include "supe/text/json_value.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <boost/asio/write.hpp>

namespace supe::control {

/// A client that listens, and what it has not read.
struct server::listener {
    listener(server& s, client& c) : owner(s), who(c), arrived(s.supervisor_.time()) {
        owner.listeners_.push_back(this);
    }
    ~listener() {
        owner.unread_notices_ -= bytes();
        std::erase(owner.listeners_, this);
    }
    listener(const listener&) = delete;
    listener& operator=(const listener&) = delete;

    std::size_t bytes() const { return waiting.size() + being_written; }
    void add(std::string_view text) {
        waiting += text;
        owner.unread_notices_ += text.size();
        arrived.notify();
    }
    /// What waits, to write it. What was taken before is written.
    std::string take() {
        owner.unread_notices_ -= being_written;
        being_written = waiting.size();
        return std::exchange(waiting, {});
    }
    /// Its connection ends, and with it the write that is under way.
    void close() {
        owner.supervisor_.log(
            fmt::format("a client that listens to notices does not read them ({} bytes wait for "
                        "it), and is closed",
                        bytes()));
        owner.unread_notices_ -= waiting.size();
        waiting = std::string();
        is_closed = true;
        error_code ignored;
        who.peer.close(ignored);
        arrived.notify();
    }

    server& owner;
    client& who;
    timer arrived;
    std::string waiting;
    std::size_t being_written = 0;
    bool is_closed = false;
};

void server::close_slow_listeners() {
    while (unread_notices_ > limits_.all_unread_notices) {
        listener* slowest = nullptr;
        for (listener* const l : listeners_)
            if (!l->is_closed && (!slowest || l->bytes() > slowest->bytes())) slowest = l;
        if (!slowest) return;
        slowest->close();
    }
}

namespace {

constexpr noticeboard_limits of_one;  // of a client here, as of a watcher on the channel

/// Nothing where they are more, or longer, than they may be.
std::optional<std::vector<std::string>> names_in(const boost::json::object& request) {
    std::vector<std::string> names;
    const std::string list = string_of(request, "names");
    if (!list.starts_with('[')) return names;
    const auto elements = elements_of(list, of_one.watches);
    if (!elements) return std::nullopt;
    for (const std::string_view element : *elements) {
        if (!element.starts_with('"')) continue;
        names.push_back(json_string_value(element));
        if (names.back().size() > of_one.name_bytes) return std::nullopt;
    }
    return names;
}

}  // namespace

awaitable<> server::stream_notices(std::shared_ptr<client> who, boost::json::object request) {
    auto names = names_in(request);
    const bool fresh_only = request.contains("fresh");
    request = {};
    if (!names) {
        boost::json::value refusal = error(
            fmt::format("names: at most {}, of {} bytes each", of_one.watches, of_one.name_bytes),
            result::bad_request);
        co_await send_answer(who, std::move(refusal));
        co_return;
    }
    clock& time = supervisor_.time();
    bool listening = false;
    who->is_answered = true;
    listener own(*this, *who);
    // An empty line says that the watch is in force: a client that acts after it misses nothing.
    own.add("\n");
    const auto on_notice = [&](const published& n) {
        if (own.is_closed || (!listening && fresh_only)) return;
        // It must not miss any silently. Those of the cache come all at once.
        if (listening && own.waiting.size() > limits_.unread_notices) return own.close();
        own.add(fmt::format("{{\"at\":\"{}\",\"notice\":{},\"message\":{},\"source\":{}}}\n",
                            stamp_.of(n.at), json_quoted(n.name),
                            n.message.empty() ? "null" : n.message, json_quoted(n.source)));
        close_slow_listeners();
    };
    struct subscription {
        supervisor& s;
        std::uint64_t id;
        ~subscription() { s.notices().stop_listening(id); }
    } subscribed{supervisor_, supervisor_.notices().listen(std::move(*names), on_notice)};
    listening = true;
    while (!own.is_closed) {
        const std::string text = own.take();
        co_await asio::async_write(who->peer, asio::buffer(text), use_awaitable);
        const time_point beat = time.now() + limits_.heartbeat;
        own.arrived.expires_at(beat);
        while (own.waiting.empty() && !own.is_closed && time.now() < beat)
            co_await own.arrived.wait();
        if (own.waiting.empty()) own.add("\n");
    }
}

}  // namespace supe::control
