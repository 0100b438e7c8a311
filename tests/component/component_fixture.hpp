// The supervisor's end of a component's channel: the tests write and read its frames.
#pragma once

#include "supe/component/component.hpp"
#include "tests/support/virtual_loop.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>
#include <boost/json/serialize.hpp>
#include <boost/test/unit_test.hpp>
#include <optional>
#include <string>
#include <vector>

namespace component_tests {

using supe::awaitable;
using supe::mail_error;
using words = std::vector<std::string>;

/// A component, its channel, and the supervisor's end of it.
class component_fixture {
public:
    explicit component_fixture(supe::component::options o = {}) {
        int fds[2];
        BOOST_TEST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
        ours_ = fds[0];
        self.emplace(loop.time(), fds[1], "me", "/a/me", o);
        loop.start(self->serve());
        loop.run_ready();
    }
    /// Cancels the coroutines first, because the variables of the test that they use are gone
    /// already.
    ~component_fixture() {
        loop.stop();
        hang_up();
    }

    void say(std::string_view frames) {
        BOOST_TEST_REQUIRE(::send(ours_, frames.data(), frames.size(), MSG_DONTWAIT) ==
                           static_cast<ssize_t>(frames.size()));
        BOOST_TEST_REQUIRE(::send(ours_, "\n", 1, MSG_DONTWAIT) == 1);
        loop.run_ready();
    }
    void signal(std::string_view name, std::string_view data) {
        say(fmt::format(R"({{"type":"signal","signal":"{}","data":{}}})", name, data));
    }
    void mail(std::string_view id, std::string_view msg, std::string_view more = "") {
        say(fmt::format(R"({{"type":"mail","from":"bob","msg":{},"id":"{}","attempt":1{}}})", msg,
                        id, more));
    }
    /// The frames since the last call.
    words received() {
        loop.run_ready();
        std::string buffer(1 << 20, '\0');
        for (ssize_t n = 1; n > 0; loop.run_ready()) {
            n = ::recv(ours_, buffer.data(), buffer.size(), MSG_DONTWAIT);
            if (n > 0) bytes_ += buffer.substr(0, static_cast<std::size_t>(n));
        }
        words frames;
        for (auto end = bytes_.find('\n'); end != bytes_.npos; end = bytes_.find('\n')) {
            frames.push_back(bytes_.substr(0, end));
            bytes_.erase(0, end + 1);
        }
        return frames;
    }
    void hang_up() {
        if (ours_ >= 0) ::close(ours_);
        ours_ = -1;
        loop.run_ready();
    }

    support::virtual_loop loop;
    std::optional<supe::component> self;

private:
    int ours_ = -1;
    std::string bytes_;
};

inline std::string signal_frame(std::string_view name, std::string_view data) {
    return fmt::format(R"({{"type":"signal","signal":"{}","data":{}}})", name, data);
}

inline std::string shown(const supe::mail& m) {
    return fmt::format("{} {} {} {}", m.from(), m.id(), m.attempt(), m.body());
}

/// Notes each mail until SUPE-SHUTDOWN. `ack`: acknowledges it.
inline awaitable<> receive_all(supe::component& self, words& got, bool ack) {
    while (auto mail = co_await self.receive()) {
        got.push_back(shown(*mail));
        if (ack) mail->ack();
    }
    got.push_back("end");
}

/// The outcome of `work`: `done`, or the message of its error.
inline awaitable<> outcome(awaitable<> work, std::string& result) {
    try {
        co_await std::move(work);
        result = "done";
    } catch (const std::exception& e) {
        if (supe::is_cancellation(std::current_exception())) throw;
        result = e.what();
    }
}

inline std::string text(mail_error e) { return supe::system_error(e).what(); }

}  // namespace component_tests
