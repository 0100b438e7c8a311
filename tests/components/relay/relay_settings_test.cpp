// Shows what the settings file of a relay may say, what is wrong with a bad one, and which tree the
// settings mean.
#include "components/relay/relay_settings.hpp"
#include "components/relay/relay_tree.hpp"
#include "supe/text/field_reader.hpp"
#include "tests/support/temporary_directory.hpp"

#include <boost/json/serialize.hpp>
#include <boost/test/unit_test.hpp>
#include <fstream>

using namespace std::chrono_literals;
using settings = components::relay_settings;

namespace {

struct file {
    support::temporary_directory directory{support::in_memory()};
    std::filesystem::path path = directory / "relay.json";

    settings read(const std::string& text) const {
        std::ofstream(path, std::ios::trunc) << text;
        settings s;
        components::read_relay_settings(path, s);
        return s;
    }
    /// What is wrong, from the file's name on.
    std::string refusal(const std::string& text) const {
        try {
            read(text);
        } catch (const supe::config_error& e) {
            const std::string why = e.what();
            BOOST_TEST(why.starts_with(path.string()), why);
            return why.substr(path.string().size() - std::string("relay.json").size());
        }
        return "accepted";
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(relay_settings)

// Every member, with a comment and a trailing comma; what is not said keeps its default.
BOOST_AUTO_TEST_CASE(reads_all) {
    const file f;
    const auto s = f.read(R"({  // mine
        "to": "https://app.example/hooks", "listen": "0.0.0.0:80", "connections": 5,
        "retry_every": "1m", "state": "/srv/relay", "body_limit": "1MiB", "queue_limit": "1GiB",
        "timeout": "10s",
    })");
    BOOST_TEST(s.to == "https://app.example/hooks");
    BOOST_TEST(s.listen == "0.0.0.0:80");
    BOOST_TEST(s.connections == 5u);
    BOOST_TEST((s.retry_every == 1min));
    BOOST_TEST(s.state == "/srv/relay");
    BOOST_TEST(s.body_limit == 1u << 20);
    BOOST_TEST(s.queue_limit == 1u << 30);
    BOOST_TEST((s.timeout == 10s));
    const auto plain = f.read(R"({"to": "http://a"})");
    BOOST_TEST(plain.listen == "127.0.0.1:8080");
    BOOST_TEST(plain.connections == 4u);
    BOOST_TEST((plain.retry_every == 5min));
}

// Each error says file, line and column, the value and the choices.
BOOST_AUTO_TEST_CASE(refuses) {
    const file f;
    BOOST_TEST(f.refusal("{\n  \"to\": \"http://a\",\n  \"connections\": \"5\"\n}") ==
               "relay.json:3:18: connections: must be a whole number from 1 to 10000, not \"5\"");
    BOOST_TEST(f.refusal(R"({"connections": 0})") ==
               "relay.json:1:17: connections: must be a whole number from 1 to 10000, not 0");
    BOOST_TEST(f.refusal(R"({"to": "ftp://a"})") ==
               R"(relay.json:1:8: to: "ftp://a": "ftp" is not one of http, https)");
    BOOST_TEST(f.refusal(R"({"listen": "here"})").starts_with("relay.json:1:12: listen: "));
    BOOST_TEST(
        f.refusal(R"({"timeout": 30})") ==
        R"(relay.json:1:13: timeout: must be a duration like "250ms", "8s", "5m", "1h", not 30)");
    BOOST_TEST(f.refusal(R"({"retry_every": "0s"})") ==
               R"(relay.json:1:17: retry_every: must be longer than 0, not "0s")");
    BOOST_TEST(
        f.refusal(R"({"body_limit": "9MiB"})") ==
        R"(relay.json:1:16: body_limit: must be a size like "64KiB", "256MiB", "10GiB", at most 8MiB, not "9MiB")");
    BOOST_TEST(
        f.refusal(R"({"conections": 3})") ==
        R"(relay.json:1:2: "conections" is not one of to, listen, connections, retry_every, state, body_limit, queue_limit, timeout)");
    BOOST_TEST(f.refusal("{") ==
               "relay.json:1:2: expected a member's name in quotes or }, not end of file");
    BOOST_TEST(f.refusal("[]") == "relay.json:1:1: must be an object, not []");
}

// The tree has them as the components read them.
BOOST_AUTO_TEST_CASE(become_configs) {
    settings s;
    s.to = "http://a";
    s.retry_every = 90s;
    const auto tree = components::relay_tree(s);
    const auto config = [](const supe::child_spec& c) { return boost::json::serialize(c.config); };
    const auto& dam = tree.children.at(1).supervisor->children;
    BOOST_TEST(config(tree.children.at(0)) == R"({"connections":4,"timeout":"30s"})");
    BOOST_TEST(config(dam.at(0)) == R"({"file":"queue.db","in_flight":24,"limit":"10GiB"})");
    BOOST_TEST(config(dam.at(1)) == R"({"to":"http://a","connections":4,"timeout":"30s"})");
    BOOST_TEST(config(dam.at(2)) == R"({"every":"90s"})");
    BOOST_TEST(config(tree.children.at(2)) == R"({"to":"/dam/queue","body_limit":"4MiB"})");
}

BOOST_AUTO_TEST_SUITE_END()
