// Shows what the settings file of a relay may say, what is wrong with a bad one, and which tree the
// settings mean.
#include "components/relay/relay_settings.hpp"
#include "components/relay/relay_tree.hpp"
#include "supe/text/field_reader.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/support/test_ca.hpp"

#include <fmt/format.h>
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
        "to": "https://app.example/hooks", "listen": ["0.0.0.0:80", "[::1]:81"], "connections": 5,
        "retry_every": "1m", "state": "/srv/relay", "body_limit": "1MiB", "queue_limit": "1GiB",
        "timeout": "10s", "disk_reserve": "0", "max_age": "7d", "keep_delivered": "3d", "drain_delay": "5s",
        "trusted_proxies": ["10.0.0.0/8", "::1"],
    })");
    BOOST_TEST(s.routes.size() == 1u);
    BOOST_TEST(!s.named_routes);
    const auto& route = s.routes.front();
    BOOST_TEST(route.to == "https://app.example/hooks");
    BOOST_TEST(s.listen.at(0).url() == "http://0.0.0.0:80");
    BOOST_TEST(s.listen.at(1).url() == "http://[::1]:81");
    BOOST_TEST(route.connections == 5u);
    BOOST_TEST((s.retry_every == 1min));
    BOOST_TEST(s.state == "/srv/relay");
    BOOST_TEST(f.read(R"({"to": "http://a", "state": "data"})").state ==
               (f.directory / "data").string());
    BOOST_TEST(f.read(R"({"to": "http://a", "state": null})").state == "");
    BOOST_TEST(route.body_limit == 1u << 20);
    BOOST_TEST(s.queue_limit == 1u << 30);
    BOOST_TEST(s.disk_reserve == 0u);
    BOOST_TEST((s.max_age == 168h));
    BOOST_TEST((s.keep_delivered == 72h));
    BOOST_TEST((s.drain_delay == 5s));
    BOOST_TEST(s.trusted_proxies.size() == 2u);
    BOOST_TEST((route.timeout.total == 10s && route.timeout.first_byte == 10s));
    BOOST_TEST((route.timeout.connect == 5s));
    const auto plain = f.read(R"({"to": "http://a", "max_age": null, "rate": null})");
    BOOST_TEST(plain.listen.front().url() == "http://127.0.0.1:8080");
    BOOST_TEST(plain.routes.front().name == "default");
    BOOST_TEST(plain.routes.front().path == "/");
    BOOST_TEST(plain.routes.front().connections == 4u);
    BOOST_TEST(!plain.retry_every);
    BOOST_TEST((plain.keep_delivered == 0s));
}

// A route has its own of all that concerns its destination; the page of the contract is read as it
// stands there.
BOOST_AUTO_TEST_CASE(reads_routes) {
    const file f;
    std::ofstream(f.directory / "github.key") << "secret";
    std::ofstream(f.directory / "sign.key") << "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const auto s = f.read(R"({ "routes": [
        { "name": "sendgrid", "path": "/sendgrid/", "host": null, "to": "https://app.example/hooks",
          "exact": true, "connections": 5, "rate": "50/s", "timeout": {"connect": "2s", "total": "20s"},
          "body_limit": "1MiB", "intake_rate": "200/m", "verify": null,
          "retry": {"first": "1s", "factor": 3, "max": "2h", "jitter": 0.5, "for": "3d", "refused": 2},
          "order_by": "json:/0/sg_message_id", "dedupe": {"by": "header:X-Id", "for": "1d"},
          "split": true, "sign": {"key_file": "sign.key"} },
        { "name": "github", "host": "hooks.example.com", "to": "http://b",
          "verify": {"kind": "github", "key_file": "github.key"}, "dedupe": {"by": "provider"} },
        { "name": "rest", "path": "/", "to": "http://c" } ] })");
    BOOST_REQUIRE(s.routes.size() == 3u);
    BOOST_TEST(s.named_routes);
    const auto& r = s.routes[0];
    BOOST_TEST(r.path == "/sendgrid");
    BOOST_TEST(r.host.empty());
    BOOST_TEST((r.exact && r.split));
    BOOST_TEST(r.connections == 5u);
    BOOST_TEST(r.rate == "50/s");
    BOOST_TEST(r.intake_rate == "200/m");
    BOOST_TEST((r.timeout.connect == 2s && r.timeout.first_byte == 20s && r.timeout.total == 20s));
    BOOST_TEST(r.sign_key_file == f.directory / "sign.key");
    BOOST_TEST((r.retry.first == 1s && r.retry.factor == 3 && r.retry.max == 2h));
    BOOST_TEST((r.retry.jitter == 0.5 && r.retry.give_up == 72h && r.retry.refused == 2));
    BOOST_TEST(r.order_by == "json:/0/sg_message_id");
    BOOST_TEST(r.dedupe->by == "header:X-Id");
    BOOST_TEST((r.dedupe->whole == 24h));
    BOOST_TEST(s.routes[1].path == "/");
    BOOST_TEST(s.routes[1].dedupe->by == "header:X-GitHub-Delivery");
    BOOST_TEST(s.routes[1].verify->how.kind == "github");
    BOOST_TEST((s.routes[2].timeout.connect == 5s && s.routes[2].timeout.first_byte == 30s));
    BOOST_TEST((s.routes[2].timeout.total == 60s));
}

// A file of keys or certificates with other content is another setting.
BOOST_AUTO_TEST_CASE(files_with_other_content) {
    const file f;
    const support::test_ca ca(f.directory.path());
    std::ofstream(f.directory / "key") << "one";
    const std::string text = R"({"to": "https://a", "ca_file": ")" + ca.file().filename().string() +
                             R"(", "verify": {"kind": "github", "key_file": "key"}})";
    const auto server = [&] {
        const auto tree = components::relay_tree(f.read(text));
        return boost::json::serialize(*tree.children.at(2).config);
    };
    BOOST_TEST(f.read(text).routes.front().ca_file == ca.file());
    const std::string before = server();
    BOOST_TEST(server() == before);
    std::filesystem::last_write_time(f.directory / "key",
                                     std::filesystem::file_time_type::clock::now() + 1h);
    BOOST_TEST(server() != before);
    BOOST_TEST(before.find("one") == before.npos);
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
        R"(relay.json:1:13: timeout: must be a duration like "250ms", "8s", "5m", "1h", from 1ms to 3650d, not 30)");
    BOOST_TEST(
        f.refusal(R"({"retry_every": "0s"})") ==
        R"(relay.json:1:17: retry_every: must be a duration like "250ms", "8s", "5m", "1h", from 1ms to 3650d, not "0s")");
    BOOST_TEST(
        f.refusal(R"({"body_limit": "9MiB"})") ==
        R"(relay.json:1:16: body_limit: must be a size like "64KiB", "256MiB", "10GiB", from 1B to 8MiB, not "9MiB")");
    BOOST_TEST(f.refusal(R"({"conections": 3})")
                   .starts_with(R"(relay.json:1:2: "conections" is not one of to, exact, )"));
    BOOST_TEST(f.refusal("{") ==
               "relay.json:1:2: expected a member's name in quotes or }, not end of file");
    BOOST_TEST(f.refusal("[]") == "relay.json:1:1: must be an object, not []");
}

// What could never work is refused, and not found out in operation.
BOOST_AUTO_TEST_CASE(refuses_what_cannot_work) {
    const file f;
    const std::pair<const char*, const char*> cases[] = {
        {R"({"timeout": "0s"})", ":13: timeout: must be a duration like"},
        {R"({"timeout": {"total": "1s", "connect": "2s"}})",
         ":29: timeout.connect: must not be longer than total, which is 1s"},
        {R"({"body_limit": "0"})", ":16: body_limit: must be a size like"},
        {R"({"queue_limit": "0"})", ":17: queue_limit: must be a size like"},
        {R"({"listen": "unix:x.sock"})", R"(:12: listen: "unix:x.sock": HTTP comes by TCP alone)"},
        {R"({"listen": []})", ":12: listen: must be 1 to 16 addresses, not []"},
        {R"({"listen": [":1", ":1"]})", ":19: listen[1]: stands there twice"},
        {R"({"listen": {"key": "k"}})", ":12: listen: address is missing"},
        {R"({"listen": {"address": ":1", "certificate": "c"}})", ":12: listen: key is missing"},
        {R"({"listen": {"address": ":1", "key": "k"}})", ":12: listen: certificate is missing"},
        {R"({"listen": [{"address": "x"}]})", R"(:25: listen[0].address: "x" is not ADDRESS)"},
        {R"({"listen": {"cert": "c"}})", R"(:13: listen: "cert" is not one of address, cert)"},
        {R"({"drain_delay": "3m"})",
         R"(:17: drain_delay: must be a duration like "250ms", "8s", "5m", "1h", from 0ms to 2m, not "3m")"},
        {R"({"trusted_proxies": ["10.0.0.0/8", "here"]})",
         R"(:36: trusted_proxies[1]: "here" is neither an address nor a network)"},
        {R"({"rate": "50"})", R"(:10: rate: must be a rate like "50/s", "10/m", "1000/h")"},
        {R"({"rate": "0/s"})", ":10: rate: must be a rate like"},
        {R"({"rate": "5/d"})", ":10: rate: must be a rate like"},
        {R"({"intake_rate": 5})", ":17: intake_rate: must be a rate like"},
        {R"({"ca_file": "none.pem"})", ":13: ca_file: "},
        {R"({"order_by": "X-Shop"})", R"(:14: order_by: must be "header:NAME" or "json:/POINTER")"},
        {R"({"dedupe": {}})", ":12: dedupe: by is missing"},
        {R"({"dedupe": {"by": "provider"}})", R"(:2: dedupe: "provider" needs a verify of a kind)"},
        {R"({"retry": {"first": "2h"}})", ":11: retry.max: must not be shorter than first"},
        {R"({"verify": {"kind": "github", "key_file": "none.key"}})", ":12: verify: "},
        {R"({"sign": {}})", ":10: sign: key_file is missing"},
    };
    for (const auto& [text, expected] : cases) {
        const std::string why = f.refusal(text);
        BOOST_TEST(why.starts_with(std::string("relay.json:1") + expected), why);
    }
}

// Where the relay says how it does: by its address alone, or with who may ask.
BOOST_AUTO_TEST_CASE(admin) {
    const file f;
    std::ofstream(f.directory / "token") << "s3cret\n";
    BOOST_TEST(!f.read(R"({"to": "http://a"})").admin);
    BOOST_TEST(!f.read(R"({"to": "http://a", "admin": null})").admin);
    BOOST_TEST(f.read(R"({"to": "http://a", "admin": ":9900"})").admin->address == ":9900");
    const auto s = f.read(R"({"to": "http://a", "admin": {"address": "127.0.0.1:9900",
        "token_file": "token", "hosts": ["relay.internal", "[fd00::1]"]}})");
    BOOST_TEST(s.admin->token_file == f.directory / "token");
    BOOST_TEST(s.admin->hosts.size() == 2u);
    const auto tree = components::relay_tree(s);
    const auto& admin = tree.children.at(1).supervisor->children.front();
    BOOST_TEST(admin.name == "admin");
    BOOST_TEST(admin.listen.front() == "127.0.0.1:9900");
    BOOST_TEST(boost::json::serialize(*admin.config).find("s3cret") == std::string::npos);
    const std::pair<const char*, const char*> cases[] = {
        {R"({"admin": 9900})", ":11: admin: must be a string, not 9900"},
        {R"({"admin": {}})", ":11: admin: address is missing"},
        {R"({"admin": "unix:x.sock"})", R"(:11: admin: "unix:x.sock": HTTP comes by TCP alone)"},
        {R"({"admin": {"address": ":1", "token_file": "none"}})", ":43: admin.token_file: "},
        {R"({"admin": {"address": ":1", "hosts": ["a:80"]}})",
         ":39: admin.hosts[0]: must be a host like"},
        {R"({"admin": {"port": 1}})",
         R"(:12: admin: "port" is not one of address, token_file, hosts)"},
    };
    for (const auto& [text, expected] : cases) {
        const std::string why = f.refusal(text);
        BOOST_TEST(why.starts_with(std::string("relay.json:1") + expected), why);
    }
    for (const auto& [own, listen, clash] :
         {std::tuple("127.0.0.1:80", "127.0.0.1:80", true), std::tuple(":80", "127.0.0.1:80", true),
          std::tuple("127.0.0.1:80", "0.0.0.0:80", true),
          std::tuple("127.0.0.1:81", "127.0.0.1:80", false),
          std::tuple("127.0.0.2:80", "127.0.0.1:80", false)}) {
        settings two = s;
        two.admin->address = own;
        two.listen = {components::relay_listener{listen}};
        std::string why;
        try {
            components::check(two);
        } catch (const std::invalid_argument& e) {
            why = e.what();
        }
        BOOST_TEST(!why.empty() == clash, std::string(own) + " " + listen + " " + why);
    }
}

// Routes: names are names of children, and each route can be reached.
BOOST_AUTO_TEST_CASE(refuses_routes) {
    const file f;
    const auto refusal = [&f](const std::string& routes) {
        return f.refusal("{\"routes\": [\n" + routes + "\n]}");
    };
    const std::string a = R"({"name": "a", "path": "/a", "to": "http://h"},)"
                          "\n";
    BOOST_TEST(f.refusal(R"({"routes": []})") ==
               "relay.json:1:12: routes: must be an array of 1 to 200 routes, not []");
    BOOST_TEST(refusal(R"({"path": "/a", "to": "http://h"})") ==
               "relay.json:2:1: routes[0]: name is missing");
    BOOST_TEST(refusal(R"({"name": "a", "path": "/a"})") ==
               "relay.json:2:1: routes[0]: to is missing: the URL of its destination");
    BOOST_TEST(refusal(R"({"name": "a", "to": "http://h"})") ==
               "relay.json:2:1: routes[0]: path is missing; \"/\" is every path");
    BOOST_TEST(refusal(R"({"name": "a b", "path": "/a", "to": "http://h"})")
                   .starts_with("relay.json:2:10: routes[0].name: must be 1 to 48 of A-Z"));
    BOOST_TEST(
        refusal("{\"name\": \"" + std::string(49, 'a') + R"(", "path": "/", "to": "http://h"})")
            .starts_with("relay.json:2:10: routes[0].name: must be 1 to 48 of A-Z"));
    const auto sized = [&](std::size_t path, std::size_t host, std::size_t to) {
        return refusal(fmt::format(
            R"({{"name": "a", "path": "/{}", "host": "{}", "to": "http://h/{}"}})",
            std::string(path - 1, 'p'), std::string(host, 'h'), std::string(to - 9, 't')));
    };
    BOOST_TEST(sized(8000, 253, 8000) == "accepted");
    BOOST_TEST(sized(8001, 1, 10)
                   .starts_with("relay.json:2:23: routes[0].path: must be a path of at most 8000 "
                                "characters, not \"/ppp"));
    BOOST_TEST(sized(1, 254, 10)
                   .starts_with("relay.json:2:36: routes[0].host: must be a host of at most 253 "
                                "characters, not \"hh"));
    BOOST_TEST(sized(1, 1, 8001).ends_with("ttt…\": has more than 8000 characters"));
    for (const char* path : {"", "a", "/a?b", "/a/../b", "/./a", "/a//b", "/a%20b", "/a b"})
        BOOST_TEST(
            refusal(std::string(R"({"name": "a", "path": ")") + path + R"(", "to": "http://h"})")
                .starts_with("relay.json:2:23: routes[0].path: must be a path like"),
            path);
    for (const char* host : {"", "h:80", "a b", "http://h", "*.h"})
        BOOST_TEST(
            refusal(std::string(R"({"name": "a", "host": ")") + host + R"(", "to": "http://h"})")
                .starts_with("relay.json:2:23: routes[0].host: must be a host like"),
            host);
    BOOST_TEST(refusal(a + R"({"name": "a", "path": "/b", "to": "http://h"})") ==
               "relay.json:3:2: routes[1].name: \"a\" is the name of routes[0] (" +
                   f.path.string() + ":2:1) already");
    const std::string behind = "no webhook can get here: routes[0] (" + f.path.string() +
                               ":2:1) takes /a of every host; put this route before it";
    for (const char* path : {"/a", "/a/", "/a/b"})
        BOOST_TEST(refusal(a + R"({"name": "b", "path": ")" + path + R"(", "to": "http://h"})") ==
                   "relay.json:3:15: routes[1].path: " + behind);
    // Another host, and a path that begins alike, are other webhooks.
    BOOST_TEST(refusal(R"({"name": "h", "path": "/a", "host": "h", "to": "http://h"},)" + a +
                       R"({"name": "b", "path": "/ab", "to": "http://h"})") == "accepted");
    BOOST_TEST(
        f.refusal(
            R"({"connections": 3, "routes": [{"name": "a", "path": "/", "to": "http://h"}]})") ==
        "relay.json:1:2: connections: belongs into each of the routes");
}

// A relay that delivers to itself would do so for ever.
BOOST_AUTO_TEST_CASE(refuses_itself) {
    const auto refusal = [](const std::string& listen, const std::string& to) {
        settings s;
        s.listen = {{"127.0.0.1:1"}, {listen}};
        s.only_route().to = to;
        try {
            components::check(s);
        } catch (const std::invalid_argument& e) {
            return std::string(e.what());
        }
        return std::string("accepted");
    };
    BOOST_TEST(refusal("127.0.0.1:8080", "http://localhost:8080/x") ==
               "\"http://localhost:8080/x\": the relay listens there itself (127.0.0.1:8080): each "
               "webhook would come in again");
    for (const char* own : {"http://127.0.0.1:8080", "http://[::1]:8080", "http://0.0.0.0:8080"})
        for (const char* listen : {":8080", "0.0.0.0:8080", "[::]:8080", "[0::0]:8080"})
            BOOST_TEST(refusal(listen, own) != "accepted");
    // In any notation that connect(2) takes, and with a port in any.
    for (const char* own :
         {"http://127.1:8080", "http://0x7f000001:8080", "http://2130706433:8080",
          "http://0177.0.0.1:8080", "http://[::ffff:127.0.0.1]:8080", "http://0:8080",
          "http://[::ffff:0.0.0.0]:8080", "http://LOCALHOST:8080", "http://127.0.0.1:08080"})
        for (const char* listen : {"127.0.0.1:8080", ":8080", "[::ffff:127.0.0.1]:8080"})
            BOOST_TEST(refusal(listen, own) != "accepted", own << " at " << listen);
    BOOST_TEST(refusal("[::1]:8080", "http://[0:0:0:0:0:0:0:1]:8080") != "accepted");
    for (const char* other : {"http://127.2:8080", "http://127.1:8081", "http://[::1]:8080"})
        BOOST_TEST(refusal("127.0.0.1:8080", other) == "accepted", other);
    BOOST_TEST(refusal("10.0.0.1:80", "http://10.0.0.1/") != "accepted");
    BOOST_TEST(refusal("127.0.0.1:8080", "http://localhost:3000") == "accepted");
    BOOST_TEST(refusal("10.0.0.1:8080", "http://localhost:8080") == "accepted");
    BOOST_TEST(refusal(":8080", "http://app.example:8080") == "accepted");
}

// The tree has them as the components read them.
BOOST_AUTO_TEST_CASE(become_configs) {
    settings s;
    s.only_route().to = "http://a";
    s.retry_every = 90s;
    const auto tree = components::relay_tree(s);
    const auto config = [](const supe::child_spec& c) { return boost::json::serialize(*c.config); };
    const auto& dam = tree.children.at(1).supervisor->children;
    BOOST_TEST(config(tree.children.at(0)) == R"({"connections":4,"timeout":"1m"})");
    BOOST_TEST(
        config(dam.at(0)) ==
        R"({"file":"queue.db","socket":"queue.socket","limit":"10GiB","disk_reserve":"256MiB","routes":[{"name":"default",)"
        R"("forwarder":"forwarder","in_flight":24,"connections":4,"retry":{"first":"10s","factor":2E0,)"
        R"("max":"90s","jitter":2E-1,"for":"3d","refused":5},"ordered":false}]})");
    BOOST_TEST(
        config(dam.at(1)) ==
        R"({"route":"default","to":"http://a","exact":false,"connections":4,)"
        R"("timeout":{"connect":"5s","first_byte":"30s","total":"1m"},"lock":"/connection_lock"})");
    BOOST_TEST(
        config(tree.children.at(2)) ==
        R"({"to":"/dam/queue","socket":"queue.socket","routes":[{"name":"default","path":"/","body_limit":"4MiB"}],)"
        R"("trusted_proxies":[]})");
}

// A load balancer that asks `admin` has the time to see that the relay ends.
BOOST_AUTO_TEST_CASE(the_delay_of_an_end) {
    const file f;
    const auto delay = [&](const std::string& more) {
        return f.read(R"({"to": "http://a")" + more + "}").accepts_on();
    };
    BOOST_TEST((delay("") == 0s));
    BOOST_TEST((delay(R"(, "admin": ":9900")") == 5s));
    BOOST_TEST((delay(R"(, "admin": ":9900", "drain_delay": "0s")") == 0s));
    BOOST_TEST((delay(R"(, "drain_delay": "2s")") == 2s));
}

// A listener with a certificate: the files are looked at, and become whole paths. The server knows
// which of its sockets speak TLS.
BOOST_AUTO_TEST_CASE(listeners_with_tls) {
    const file f;
    support::test_ca ca(f.directory.path());
    const support::certificate_files one = ca.issue("DNS:a"), other = ca.issue("DNS:b");
    const auto listen = [&](const std::string& certificate, const std::string& key) {
        return R"({"to": "http://a", "drain_delay": "5s", "listen": [":1", {"address": ":2", )"
               R"("certificate": ")" +
               certificate + R"(", "key": ")" + key + R"("}, ":3"]})";
    };
    const auto s = f.read(listen(one.certificate.filename(), one.key.filename()));
    BOOST_TEST(s.listen.at(1).url() == "https://:2");
    BOOST_TEST(s.listen.at(1).tls->key == one.key);
    const auto tree = components::relay_tree(s);
    const supe::child_spec& server = tree.children.at(2);
    BOOST_TEST(server.listen == (std::vector<std::string>{":1", ":2", ":3"}),
               boost::test_tools::per_element());
    BOOST_TEST(boost::json::serialize(server.config->at("tls")) ==
               R"([null,{"certificate":")" + one.certificate.string() + R"(","key":")" +
                   one.key.string() + R"("}])");
    // A stop waits for the end of the delay, and then as long as any other one.
    BOOST_TEST(server.config->at("drain_delay") == "5s");
    BOOST_TEST((server.shutdown.limit == 13s));
    const std::string here = "relay.json:1:58: listen[1]: ";
    BOOST_TEST(f.refusal(listen("none.pem", "none.key")) ==
               here + (f.directory / "none.pem").string() + ": No such file or directory");
    BOOST_TEST(f.refusal(listen(one.certificate, other.key)) ==
               here + other.key.string() + ": is not the key of the certificate in " +
                   one.certificate.string());
}

// Each route has a forwarder and a lock of its own; only what is not usual stands in a config.
BOOST_AUTO_TEST_CASE(routes_become_children) {
    const file f;
    const auto tree = components::relay_tree(f.read(R"({ "routes": [
        { "name": "a", "path": "/a", "host": "h", "to": "http://a", "rate": "5/s", "intake_rate": "9/s",
          "order_by": "header:X", "dedupe": {"by": "json:/id", "for": "1h"}, "split": true },
        { "name": "b", "path": "/b", "to": "http://b" } ] })"));
    std::string names;
    for (const auto& child : tree.children) names += child.name + " ";
    const auto& dam = tree.children.at(2).supervisor->children;
    for (const auto& child : dam) names += "dam/" + child.name + " ";
    BOOST_TEST(names ==
               "connection_lock-a connection_lock-b dam http_server dam/queue "
               "dam/forwarder-a dam/forwarder-b ");
    const auto& lane = dam.at(0).config->at("routes").at(0);
    BOOST_TEST(lane.at("forwarder") == "forwarder-a");
    BOOST_TEST(lane.at("ordered").as_bool());
    BOOST_TEST(lane.at("dedupe_for") == "1h");
    BOOST_TEST(!dam.at(0).config->at("routes").at(1).as_object().contains("dedupe_for"));
    BOOST_TEST(dam.at(1).config->at("rate") == "5/s");
    BOOST_TEST(dam.at(2).config->at("lock") == "/connection_lock-b");
    BOOST_TEST(dam.at(2).component == "forwarder");
    BOOST_TEST(boost::json::serialize(tree.children.at(3).config->at("routes").at(0)) ==
               R"({"name":"a","path":"/a","body_limit":"4MiB","host":"h","intake_rate":"9/s",)"
               R"("order_by":"header:X","dedupe":"json:/id","split":true})");
}

BOOST_AUTO_TEST_SUITE_END()
