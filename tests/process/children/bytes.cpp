// A component for bytes_test.cpp, as a user would build one. Its config chooses its part: `echo`
// sends back the bytes of each mail; `measure` prints the length of each body; `check` sends bytes
// of every kind to the addresses in `to`, and prints whether they came back.
#include "patterns/output.hpp"
#include "supe/component/component.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/string.hpp>

namespace {

std::string all_bytes(std::size_t size) {
    std::string bytes(size, '\0');
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 2654435761u >> 13);
    return bytes;
}

supe::awaitable<> check(supe::component& self, boost::json::array to) {
    for (const auto& address : to) {
        for (const std::size_t size : {0, 1, 256 << 13, 10 << 20}) {
            const std::string sent = all_bytes(size);
            const supe::mail back =
                co_await self.call(std::string(address.as_string()), supe::body_of(sent));
            patterns::say("{} bytes to {} and back: {}", size, address.as_string().c_str(),
                          back.bytes() == sent ? "the same" : "others");
        }
    }
    co_await self.shutdown_requested();
}

supe::awaitable<> play(supe::component& self) {
    const boost::json::value config = co_await self.config();
    if (config.at("part") == "check") co_return co_await check(self, config.at("to").as_array());
    while (auto mail = co_await self.receive()) {
        if (config.at("part") == "measure") {
            patterns::say("{} bytes", mail->body().size());
        } else {
            mail->answer(supe::body_of(mail->bytes()));
        }
        mail->ack();
    }
}

}  // namespace

int main() { return supe::run_component(play); }
