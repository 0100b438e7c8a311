// Prometheus' own tool finds nothing to say against the metrics of a running relay, nor against the
// alert rules that come with it.
#include "tests/support/command.hpp"
#include "tests/support/http_sink.hpp"
#include "tests/support/needs.hpp"
#include "tests/support/raw_client.hpp"
#include "tests/support/running_relay.hpp"
#include "tests/support/temporary_directory.hpp"

#include <boost/test/unit_test.hpp>

using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(promtool, *support::needs({"promtool"}))

BOOST_AUTO_TEST_CASE(metrics) {
    support::event_loop loop;
    support::temporary_directory directory;
    support::http_sink app(loop);
    const unsigned short port = support::free_port(), admin = support::free_port();
    support::running_relay relay(loop, directory / "state", app.url(), 2, port,
                                 {"--admin", "127.0.0.1:" + std::to_string(admin)});
    BOOST_REQUIRE_MESSAGE(relay.is_up(), relay.process().output());
    support::raw_client sender(loop, port);
    sender.say("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello");
    BOOST_TEST(sender.receive("\r\n") == "HTTP/1.1 200 OK\r\n");
    support::raw_client client(loop, admin);
    client.say("GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    const std::string answer = client.finish().read_all();
    const auto head = answer.find("\r\n\r\n") + 4;
    const std::string page = answer.substr(head, answer.rfind("(end)") - head);
    const auto checked = support::run({{"promtool", "check", "metrics"}, {}, page});
    BOOST_TEST(checked.code == 0, checked.out + checked.err + page);
    BOOST_TEST(checked.out + checked.err == "");
    BOOST_TEST(relay.stop().value_or(-1) == 0);
}

BOOST_AUTO_TEST_CASE(alert_rules) {
    const std::string rules = std::string(SUPE_SOURCE_DIR) + "/components/relay/alerts.yml";
    const auto checked = support::run({{"promtool", "check", "rules", rules}, {}, {}});
    BOOST_TEST(checked.code == 0, checked.out + checked.err);
    BOOST_TEST(checked.out.find("SUCCESS") != std::string::npos, checked.out);
}

BOOST_AUTO_TEST_SUITE_END()
