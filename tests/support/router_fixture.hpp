// The mail of one supervisor. Its children and the supervisor above are the other ends of sockets,
// whose frames are kept as text.
#pragma once

#include "supe/mail/supervisor_mail.hpp"
#include "supe/simulation/virtual_clock.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>
#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

namespace support {

using supe::mail_endpoint;
inline constexpr auto component = supe::endpoint_kind::component;
inline constexpr auto supervisor = supe::endpoint_kind::supervisor;
using supe::mailbox_limits;
using words = std::vector<std::string>;

/// The frames that wait at this end of a socket.
inline words frames_at(int fd) {
    static std::string bytes(1 << 20, '\0');
    const ssize_t n = ::recv(fd, bytes.data(), bytes.size(), MSG_DONTWAIT);
    words frames;
    supe::frame_splitter().feed(
        std::string_view(bytes).substr(0, n > 0 ? static_cast<std::size_t>(n) : 0),
        [&](std::string_view f) { frames.emplace_back(f); });
    return frames;
}

/// A channel of the supervisor, and what was written to it.
struct neighbour {
    std::shared_ptr<supe::channel> wire;
    supe::unique_fd other;

    explicit neighbour(supe::clock& time) {
        int fds[2];
        BOOST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
        wire = std::make_shared<supe::channel>(time, supe::unique_fd(fds[0]),
                                               supe::channel::side::supervisor);
        other.reset(fds[1]);
    }
    /// Frames since the last call.
    words received() const { return frames_at(other.get()); }
};

/// What the mail of a supervisor reports, as text.
struct recorded_events : supe::mail_events {
    words events;  // in order
    bool fails = false;

    void on_supervisor_mail(const supe::envelope& m) override {
        events.push_back(fmt::format("supe: {} {}", m.from, m.msg));
    }
    void on_dead_letter(const supe::envelope& m, const std::string& to, const std::string& why,
                        const supe::mail_history& h) override {
        if (fails) throw std::bad_alloc();
        events.push_back(fmt::format("dead: {} to {}: {} after {}", m.msg, to, why, h.size()));
    }
    void on_undeliverable(const supe::envelope& m, const std::string& why) override {
        events.push_back(fmt::format("undeliverable: {} {}", m.msg, why));
    }
    bool on_mail_waiting(mail_endpoint& s, waits_for whom) override {
        const bool alone = whom == waits_for::it_alone;
        events.push_back("waiting: " + s.name + (alone ? " alone" : ""));
        return someone_idle;
    }
    bool someone_idle = true;
    void on_control_answer(const supe::mail_origin& o, supe::signal_kind outcome,
                           std::string_view why) override {
        events.push_back(fmt::format("control: {} {} {}", o.id, name_of(outcome), why));
    }
};

struct router_fixture : recorded_events {
    supe::asio::io_context loop;
    supe::simulation::virtual_clock time{loop.get_executor()};
    supe::outbox out;
    supe::supervisor_mail mail;
    neighbour up;
    std::vector<std::unique_ptr<neighbour>> wires;
    std::vector<std::unique_ptr<mail_endpoint>> endpoints;

    explicit router_fixture(std::string address = "", bool with_uplink = false)
        : mail(std::move(address), "id-", time, out, *this), up(time) {
        if (with_uplink) mail.directory.set_uplink(*up.wire);
    }
    mail_endpoint& add(const std::string& name, supe::endpoint_kind kind = component,
                       mailbox_limits limits = {}) {
        endpoints.push_back(std::make_unique<mail_endpoint>(static_cast<int>(endpoints.size()),
                                                            name, kind, limits));
        mail.directory.add(*endpoints.back());
        wires.push_back(std::make_unique<neighbour>(time));
        start(*endpoints.back());
        return *endpoints.back();
    }
    /// `NAME.i`, beside an endpoint `NAME.1`.
    mail_endpoint& add_instance(const mail_endpoint& first, unsigned i) {
        endpoints.push_back(std::make_unique<mail_endpoint>(
            static_cast<int>(endpoints.size()), first.box_name + "." + std::to_string(i),
            first.box_name, first.shared, i - 1));
        mail.directory.add(*endpoints.back());
        wires.push_back(std::make_unique<neighbour>(time));
        start(*endpoints.back());
        return *endpoints.back();
    }
    /// Its mail goes to the dead letters.
    void remove(mail_endpoint& endpoint) {
        mail.delivery.bury(endpoint.box_name, mail.take_out(endpoint), endpoint.kind,
                           supe::mail_delivery::remains::become_letters);
    }
    neighbour& neighbour_of(const mail_endpoint& s) {
        return *wires[static_cast<std::size_t>(s.number)];
    }
    void start(mail_endpoint& s) {
        mail.delivery.on_disconnected(s);
        neighbour_of(s) = neighbour(time);
        mail.delivery.on_connected(s, *neighbour_of(s).wire, s.life + 1);
        mail.delivery.flush();  // each of these is a turn
    }
    void end(mail_endpoint& s, bool charged) {
        using ending = supe::mailbox::ending;
        mail.delivery.flush();
        mail.delivery.on_disconnected(s);
        mail.delivery.on_ended(s, charged ? ending::charged : ending::uncharged, "it crashed");
        mail.delivery.flush();
    }
    void sends(mail_endpoint& s, const std::string& frame) {
        const auto m = supe::read_message(frame);
        mail.router.from_child(s, std::get<supe::mail_frame>(m));
        mail.delivery.flush();
    }
    void from_above(const std::string& frame) {
        const auto m = supe::read_message(frame);
        mail.router.from_above(std::get<supe::mail_frame>(m));
        mail.delivery.flush();
    }
    words received(const mail_endpoint& s) {
        mail.flush();
        return neighbour_of(s).received();
    }
    words received_above() {
        mail.flush();
        return up.received();
    }
};

inline std::string signal(const char* name, const char* data) {
    return fmt::format(R"({{"type":"signal","signal":"{}","data":{}}})", name, data);
}

}  // namespace support

#define BOOST_TEST_SAME(a, ...) \
    BOOST_TEST((a) == (support::words __VA_ARGS__), boost::test_tools::per_element())
