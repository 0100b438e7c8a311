// Sender and receiver of the mail benchmark, as a user would write them: `bench_mail_child
// sender|confirmed|receiver [WINDOW]`. They report times to the pipe BENCH_FIFO: the sender's first
// mail, the receiver's first mail and its last ack, and with `confirmed` (the sender waits for each
// MAIL-ACCEPTED) the last of these.
#include "supe/component/component.hpp"
#include "tests/bench/birth.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

/// A JSON string of 256 bytes in all. The last one of a round has another second byte.
std::string body_of(char second) {
    return "\"" + std::string(1, second) + std::string(253, 'x') + "\"";
}

void report() {
    static const int fd = ::open(std::getenv("BENCH_FIFO"), O_WRONLY | O_CLOEXEC);
    const bench::birth now{bench::monotonic_ns(), ::getpid()};
    if (::write(fd, &now, sizeof now) != sizeof now) std::exit(3);
}

/// Each mail is a number: so many mails are sent at once.
supe::awaitable<> sender(supe::component& self) {
    const std::string ordinary = body_of('m'), last = body_of('!');
    while (auto request = co_await self.receive()) {
        const long count = std::stol(request->body());
        request->ack();
        report();
        for (long i = 1; i < count; ++i) self.tell("receiver", ordinary);
        self.tell("receiver", last);
    }
}

/// As many coroutines send as the receiver takes at once.
constexpr int senders = 1024;

supe::awaitable<> send_some(supe::component& self, std::string body, long& left) {
    while (left > 0) {
        --left;
        co_await self.send("receiver", body);
    }
}

supe::awaitable<> confirmed_sender(supe::component& self) {
    while (auto request = co_await self.receive()) {
        long left = std::stol(request->body()) - 1;
        request->ack();
        report();
        supe::nursery all(self.time());
        for (int i = 0; i < senders; ++i) all.start(send_some(self, body_of('m'), left));
        co_await all.join();
        co_await self.send("receiver", body_of('!'));
        report();
    }
}

supe::awaitable<> receiver(supe::component& self, unsigned window) {
    self.set_window(window);
    bool fresh = true;
    while (auto mail = co_await self.receive()) {
        if (fresh) report();
        fresh = mail->body()[1] == '!';
        mail->ack();
        if (!fresh) continue;
        co_await self.flushed();
        report();
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc > 2) {
        const auto window = static_cast<unsigned>(std::atoi(argv[2]));
        return supe::run_component(
            [window](supe::component& self) { return receiver(self, window); });
    }
    const bool confirmed = argc > 1 && std::string_view(argv[1]) == "confirmed";
    return supe::run_component(confirmed ? confirmed_sender : sender);
}
