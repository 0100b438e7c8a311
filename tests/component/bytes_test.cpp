// Shows bodies that are not JSON, and bodies of full size, between components of a real supervisor
// in simulation.
#include "supe/channel/frame.hpp"
#include "supe/simulation/world.hpp"

#include <boost/test/unit_test.hpp>

using namespace std::chrono_literals;
using supe::awaitable;
using supe::component;
using supe::simulation::world;

namespace {

/// Sends back the bytes that it gets.
awaitable<> echo(component& self) {
    while (auto mail = co_await self.receive()) {
        mail->answer(supe::body_of(mail->bytes()));
        mail->ack();
    }
}

/// A tree with an echo beside `c`, and one in a supervisor below.
void run_with_echoes(world& w, supe::component_main c) {
    w.provide("echo", echo);
    w.provide("c", std::move(c));
    w.run(R"({"name": "t", "children": [{"name": "echo", "component": "echo"},
        {"name": "n", "children": [{"name": "echo", "component": "echo"}]}, {"name": "c", "component": "c"}]})");
    w.advance(10s);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(bytes)

// An empty body, all 256 bytes, and 10 MiB come back unchanged, from a sibling and through a nested
// supervisor.
BOOST_AUTO_TEST_CASE(come_back) {
    std::string all, large(10 << 20, '\0');
    for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
    for (std::size_t i = 0; i < large.size(); ++i)
        large[i] = static_cast<char>(i * 2654435761u >> 13);
    unsigned equal = 0;
    world w;
    run_with_echoes(w, [&](component& self) -> awaitable<> {
        for (const std::string address : {"echo", "/n/echo"}) {
            for (const std::string& sent : {std::string(), all, large}) {
                const supe::mail back = co_await self.call(address, supe::body_of(sent));
                equal += back.bytes() == sent;
            }
        }
        co_await self.shutdown_requested();
    });
    BOOST_TEST(equal == 6u);
}

// On the wire they are a string of base64. Another body has no bytes, and the error names its
// sender.
BOOST_AUTO_TEST_CASE(on_the_wire) {
    BOOST_TEST(supe::body_of(std::string_view("\0\xff\n", 3)) == R"("AP8K")");
    std::vector<std::string> received;
    world w;
    w.provide("c", [&received](component& self) -> awaitable<> {
        while (auto mail = co_await self.receive()) {
            try {
                received.push_back(mail->bytes());
            } catch (const std::runtime_error& e) {
                received.push_back(e.what());
            }
            mail->ack();
        }
    });
    w.run(R"({"name": "t", "children": [{"name": "c", "component": "c"}]})");
    for (const char* body : {R"("Zm9v\/w==")", R"("\u005am9v")", R"("foo")", "[1]", R"("")"})
        w.mail("/c", body);
    w.run_ready();
    const std::string none = "mail from supe: not a string of base64: ";
    BOOST_TEST(received ==
                   (std::vector<std::string>{"foo\xff", "foo", none + "\"foo\"", none + "[1]", ""}),
               boost::test_tools::per_element());
}

// A mail that fills its frame to the last byte arrives, although its delivery is longer, also
// through the supervisor above to a nested one and back. With one byte more it is refused at its
// sender.
BOOST_AUTO_TEST_CASE(frames_of_full_size) {
    std::vector<std::size_t> arrived;
    unsigned refused = 0;
    world w;
    const auto measure = [&arrived](component& self) -> awaitable<> {
        while (auto mail = co_await self.receive()) {
            arrived.push_back(mail->body().size());
            mail->ack();
        }
    };
    const auto capacity = [](const std::string& to) {
        return supe::default_frame_limit - to.size() -
               std::string_view(R"({"type":"mail","to":"","msg":})").size();
    };
    const auto fill = [&](component& self) -> awaitable<> {
        for (const std::string to : {"m", "/m", "/n/m"}) {
            if (self.address() == "/n/c" && to != "/m") continue;
            self.tell(to, '"' + std::string(capacity(to) - 2, 'x') + '"');
            try {
                self.tell(to, '"' + std::string(capacity(to) - 1, 'x') + '"');
            } catch (const supe::system_error&) {
                ++refused;
            }
        }
        co_await self.flushed();
    };
    w.provide("m", measure);
    w.provide("c", fill);
    w.run(
        R"({"name": "t", "children": [{"name": "m", "component": "m"}, {"name": "n", "children": [{"name": "m", "component": "m"},
        {"name": "c", "component": "c", "restart": "temporary"}]}, {"name": "c", "component": "c", "restart": "temporary"}]})");
    w.advance(10s);
    std::ranges::sort(arrived);
    BOOST_TEST(arrived == (std::vector<std::size_t>{capacity("/n/m"), capacity("/m"),
                                                    capacity("/m"), capacity("m")}),
               boost::test_tools::per_element());
    BOOST_TEST(refused == 4u);
    BOOST_TEST(w.count("component-bad-frame") == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
