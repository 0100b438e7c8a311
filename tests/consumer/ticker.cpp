// A component of somebody else's: counts its mail, and says how much came.
#include "patterns/idle_shutdown.hpp"
#include "patterns/output.hpp"
#include "supe/component/component.hpp"

using namespace std::chrono_literals;

supe::awaitable<> ticker(supe::component& self) {
    patterns::idle_shutdown idle{self, 30s};
    unsigned count = 0;
    while (auto mail = co_await idle.next_mail()) {
        patterns::say("mail {}", ++count);
        self.notify("ticked", boost::json::value(count));
        co_await mail->ack();
    }
}
