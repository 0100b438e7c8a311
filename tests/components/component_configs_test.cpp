// Shows that each component takes a right config, and ends at a wrong one with a line that says
// what is wrong: a value of the wrong type never counts as the default.
#include "components/admin/admin.hpp"
#include "components/connection_lock/connection_lock.hpp"
#include "components/demo/demo.hpp"
#include "components/forwarder/forwarder.hpp"
#include "components/http_server/http_server.hpp"
#include "components/queue/queue.hpp"
#include "components/retrier/retrier.hpp"
#include "supe/simulation/world.hpp"
#include "tests/support/files.hpp"
#include "tests/support/temporary_directory.hpp"

#include <boost/test/unit_test.hpp>
#include <cstdlib>

namespace {

/// Passes on how a component ends by a throw.
supe::awaitable<> watched(supe::component& self, supe::component_main body, std::string& end) {
    try {
        co_await body(self);
        end = "returned";
    } catch (const supe::system_error&) {
        throw;  // it was ended
    } catch (const std::exception& e) {
        end = e.what();
        throw;
    }
}

/// What a component with this config says at its end; empty while it runs.
std::string end_of(const supe::component_main& body, const std::string& config) {
    std::string end;
    supe::simulation::world w;
    w.provide("c", [&](supe::component& self) { return watched(self, body, end); });
    w.run(
        R"({"name": "t", "children": [{"name": "c", "component": "c", "max_restarts": 0, "config": )" +
        config + "}]}");
    const bool runs = w.processes() > 0;
    BOOST_TEST(runs == end.empty(), config);
    BOOST_TEST(w.count("component-crashed") == (runs ? 0u : 1u), config);
    const std::string said = end;
    w.clean_up();
    return said;
}

const std::string duration =
    R"(must be a duration like "250ms", "8s", "5m", "1h", from 1ms to 3650d, not )";
const std::string size = R"(must be a size like "64KiB", "256MiB", "10GiB")";

}  // namespace

BOOST_AUTO_TEST_SUITE(component_configs)

BOOST_AUTO_TEST_CASE(retrier) {
    const auto end = [](const char* config) { return end_of(components::retrier, config); };
    BOOST_TEST(end(R"({"every": "1m"})") == "");
    BOOST_TEST(end("null") == "");
    BOOST_TEST(end(R"({"every": 30})") == "config.every: " + duration + "30");
    BOOST_TEST(end(R"({"evry": "1m"})") == R"(config: "evry" is not one of every)");
}

BOOST_AUTO_TEST_CASE(connection_lock) {
    const support::temporary_directory state{support::in_memory()};
    ::setenv("SUPE_STATE", (state / "").c_str(), 1);
    const auto end = [](const char* config) { return end_of(components::connection_lock, config); };
    BOOST_TEST(end(R"({"connections": 10000, "permit_rest": "2s"})") == "");
    BOOST_TEST(end(R"({"connections": 10001})") ==
               "config.connections: must be a whole number from 1 to 10000, not 10001");
    BOOST_TEST(
        end(R"({"permit_rest": true})") ==
        R"(config.permit_rest: must be a duration like "250ms", "8s", "5m", "1h", from 0ms to 3650d, not true)");
    BOOST_TEST(end(R"({"permits": 3})") ==
               R"(config: "permits" is not one of connections, permit_rest, timeout)");
    ::unsetenv("SUPE_STATE");
}

BOOST_AUTO_TEST_CASE(queue) {
    const support::temporary_directory directory{support::in_memory()};
    const auto end = [&](const std::string& more) {
        return end_of(components::queue,
                      R"({"file": ")" + (directory / "queue.db").string() + "\", " + more + "}");
    };
    BOOST_TEST(end(R"("window": 8, "in_flight": 3, "limit": "1GiB", "disk_reserve": "0")") == "");
    BOOST_TEST(end(R"("in_flight": 0)") ==
               "config.in_flight: must be a whole number from 1 to 1000000, not 0");
    BOOST_TEST(end(R"("window": "8")") ==
               R"(config.window: must be a whole number from 1 to 1000000, not "8")");
    BOOST_TEST(end(R"("limit": "1GB")") ==
               "config.limit: " + size + R"(, from 1B to 1024TiB, not "1GB")");
    BOOST_TEST(end(R"("disk_reserve": false)") ==
               "config.disk_reserve: " + size + ", from 0B to 1024TiB, not false");
    BOOST_TEST(
        end(R"("size": 3)") ==
        R"(config: "size" is not one of file, socket, window, in_flight, limit, disk_reserve, max_age, keep_delivered, routes)");
    BOOST_TEST(end(R"("max_age": "1h", "routes": [{"name": "a"}, {"name": "b", "forwarder": "f",
        "in_flight": 3, "connections": 2, "ordered": true, "dedupe_for": "1h", "retry": {"first":
        "1s", "factor": 1.5, "max": "1m", "jitter": 0, "for": "1h", "refused": 1}}])") == "");
    BOOST_TEST(end(R"("max_age": null, "routes": [{"name": "a", "dedupe_for": null}])") == "");
    BOOST_TEST(end(R"("max_age": "0")") == "config.max_age: " + duration + "\"0\"");
    BOOST_TEST(end(R"("routes": [])") == "config.routes: must have 1 to 1000 routes");
    BOOST_TEST(end(R"("routes": [{"in_flight": 3}])") == "config.routes[0]: name is missing");
    BOOST_TEST(end(R"("routes": [{"name": "a"}, {"name": "a"}])") ==
               "config.routes[1]: there are two routes a");
    BOOST_TEST(end(R"("routes": [{"name": "a", "retry": {"first": 3}}])") ==
               "config.routes[0].retry.first: " + duration + "3");
    BOOST_TEST(end_of(components::queue, R"({"file": 7})") ==
               "config.file: must be a string, not 7");
}

BOOST_AUTO_TEST_CASE(forwarder) {
    const auto end = [](const char* config) { return end_of(components::forwarder, config); };
    BOOST_TEST(
        end(R"({"to": "http://a", "connections": 2, "timeout": "5s", "idle": "1m", "lock": "/l"})") ==
        "");
    BOOST_TEST(end("{}") == "config: to is missing");
    BOOST_TEST(end("null") == "config: to is missing");
    BOOST_TEST(end(R"({"to": "ftp://a"})") ==
               R"(config.to: "ftp://a": "ftp" is not one of http, https)");
    BOOST_TEST(end(R"({"to": "http://a", "timeout": 30})") == "config.timeout: " + duration + "30");
    BOOST_TEST(end(R"({"to": "http://a", "idle": "0"})") == "config.idle: " + duration + "\"0\"");
    BOOST_TEST(end(R"({"to": "http://a", "connections": "4"})") ==
               R"(config.connections: must be a whole number from 1 to 10000, not "4")");
    BOOST_TEST(end(R"({"to": "http://a", "lock": null})") ==
               "config.lock: must be a string, not null");
    BOOST_TEST(
        end(R"({"url": "http://a"})") ==
        R"(config: "url" is not one of route, to, exact, connections, rate, timeout, ca_file, )"
        "sign, files_written, idle, lock");
    const auto route = [&](const std::string& more) {
        return end((R"({"to": "http://a", )" + more + "}").c_str());
    };
    BOOST_TEST(
        route(R"("route": "r", "exact": true, "rate": "5/s", "timeout": {"connect": "1s"})") == "");
    BOOST_TEST(route(R"("rate": 5)").starts_with("config.rate: must be a rate like"));
    BOOST_TEST(route(R"("timeout": {"connect": "0s"})") ==
               "config.timeout.connect: " + duration + "\"0s\"");
    BOOST_TEST(route(R"("timeout": {"read": "1s"})") ==
               R"(config.timeout: "read" is not one of connect, first_byte, total)");
    BOOST_TEST(route(R"("ca_file": "/none")")
                   .starts_with("config.ca_file: /none: No such file or directory"));
    BOOST_TEST(route(R"("sign": {})") == "config.sign: key_file is missing");
    BOOST_TEST(route(R"("sign": {"key_file": "/none"})") ==
               "config.sign.key_file: /none: No such file or directory");
    BOOST_TEST(route(R"("sign": {"key_file": "/dev/null"})") ==
               "config.sign.key_file: /dev/null: it is no regular file");
    const support::temporary_directory place{support::in_memory()};
    const std::string empty = support::write_file(place / "key", "");
    BOOST_TEST(route(R"("sign": {"key_file": ")" + empty + R"("})") ==
               "config.sign.key_file: " + empty +
                   ": the key must be whsec_ and 24 to 64 bytes in base64");
}

// A right one brings it to its sockets, which are not there.
BOOST_AUTO_TEST_CASE(http_server) {
    const auto end = [](const char* config) { return end_of(components::http_server, config); };
    BOOST_TEST(end(R"({"to": "/q", "body_limit": "8MiB"})").starts_with("no listening socket"));
    BOOST_TEST(end(R"({"body_limit": "9MiB"})") ==
               "config.body_limit: " + size + R"(, from 1B to 8MiB, not "9MiB")");
    BOOST_TEST(end(R"({"to": ["/q"]})") == R"(config.to: must be a string, not ["/q"])");
    BOOST_TEST(
        end(R"({"limit": 1})") ==
        R"(config: "limit" is not one of to, socket, body_limit, trusted_proxies, drain_delay, tls, routes)");
    BOOST_TEST(end(R"({"tls": [{"key": 1}]})").starts_with("config.tls[0].key: must be a string"));
    BOOST_TEST(end(R"({"tls": [null]})") ==
               "tls: has more elements than there are listening sockets");
    BOOST_TEST(end(R"({"routes": [{"name": "a", "path": "/", "intake_rate": 5}]})")
                   .starts_with("config.routes[0].intake_rate: must be a rate like"));
    BOOST_TEST(end(R"({"routes": [{"name": "a", "dedupe": "id"}]})") ==
               R"(config.routes[0].dedupe: must be "header:NAME" or "json:/POINTER", not "id")");
    BOOST_TEST(end(R"({"trusted_proxies": ["x"]})").starts_with("config.trusted_proxies[0]: "));
}

BOOST_AUTO_TEST_CASE(admin) {
    const auto end = [](const char* config) { return end_of(components::admin, config); };
    BOOST_TEST(end(R"({"address": ":1", "hosts": ["a"], "queue": "queue", "http_server": "/h"})")
                   .starts_with("no listening socket"));
    BOOST_TEST(end(R"({"address": "here"})").starts_with("config.address: \"here\""));
    const support::temporary_directory place{support::in_memory()};
    const std::string empty = support::write_file(place / "token", "");
    BOOST_TEST(end((R"({"token_file": ")" + empty + R"("})").c_str()) ==
               "config.token_file: " + empty + ": is empty, and must hold a token");
    BOOST_TEST(
        end(R"({"port": 1})") ==
        R"(config: "port" is not one of address, hosts, token_file, token_written, queue, http_server)");
}

BOOST_AUTO_TEST_CASE(demo_sender) {
    const auto end = [](const char* config) { return end_of(components::demo_sender, config); };
    BOOST_TEST(end(R"({"to": "http://127.0.0.1:1/hooks", "every": "1h"})") == "");
    BOOST_TEST(end("{}") == "config: to is missing");
    BOOST_TEST(end(R"({"to": "http://a", "every": 1})") == "config.every: " + duration + "1");
    BOOST_TEST(end(R"({"to": "http://a", "from": 1})") ==
               R"(config: "from" is not one of to, every)");
}

BOOST_AUTO_TEST_SUITE_END()
