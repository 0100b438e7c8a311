// Notices for the clients of the control socket that listen. One that does not read costs memory,
// which has a limit for each and one for all together: the slowest is closed.
#include "supe/control/server_client.hpp"
#include "supe/text/json_text.hpp"

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

// Of one client, as of a watcher on the channel (contract §4).
constexpr std::size_t most_names = 4096, longest_name = 1024;

/// Empty, with `too_much`, where they are more than that.
std::vector<std::string> names_in(const boost::json::object& request, bool& too_much) {
    std::vector<std::string> names;
    const auto* wanted = request.if_contains("names");
    if (!wanted || !wanted->is_array()) return names;
    too_much = wanted->get_array().size() > most_names;
    if (too_much) return names;
    for (const boost::json::value& name : wanted->get_array()) {
        if (!name.is_string()) continue;
        too_much = too_much || name.get_string().size() > longest_name;
        names.emplace_back(name.get_string());
    }
    return names;
}

}  // namespace

awaitable<> server::stream_notices(std::shared_ptr<client> who, boost::json::object request) {
    bool too_much = false;
    std::vector<std::string> names = names_in(request, too_much);
    const bool fresh_only = request.contains("fresh");
    request = {};
    if (too_much) {
        boost::json::value refusal =
            error(fmt::format("names: at most {}, of {} bytes each", most_names, longest_name),
                  result::bad_request);
        co_await send_answer(who, std::move(refusal));
        co_return;
    }
    clock& time = supervisor_.time();
    bool listening = false;
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
    } subscribed{supervisor_, supervisor_.notices().listen(std::move(names), on_notice)};
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
