// Shows who may ask the admin address what: no page of another site gets an answer, whatever name
// it has lead here; nothing can be changed; and where there is a token, only probes go without it.
#include "components/admin/admin_access.hpp"

#include <boost/test/unit_test.hpp>

using components::http_fields;

namespace {

struct gate {
    components::admin_access access;

    explicit gate(const std::string& address, std::vector<std::string> hosts = {},
                  const std::string& token = "")
        : access(address, std::move(hosts), token) {}

    /// The status of the refusal; 200 where it may go on.
    unsigned ask(const std::string& method, const std::string& target, http_fields fields) const {
        const auto no = access.refusal_of({method, target, std::move(fields), "", ""});
        return no ? no->status : 200;
    }
    unsigned by_host(const std::string& host) const {
        return ask("GET", "/metrics", {{"Host", host}});
    }
    unsigned by_origin(const std::string& origin) const {
        return ask("GET", "/metrics", {{"Host", "localhost:9900"}, {"Origin", origin}});
    }
    unsigned by_token(const std::string& authorization, const std::string& target) const {
        return ask("GET", target, {{"Host", "localhost"}, {"Authorization", authorization}});
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(admin_access)

BOOST_AUTO_TEST_CASE(names) {
    const gate own("127.0.0.1:9900", {"relay.internal", "[fd00::1]"});
    for (const char* known :
         {"127.0.0.1:9900", "127.0.0.1", "localhost", "LocalHost:1", "relay.internal:9900",
          "Relay.Internal", "[fd00::1]:9900", "localhost.", "localhost.:9900", "relay.internal."})
        BOOST_TEST(own.by_host(known) == 200u, known);
    for (const char* foreign : {"evil.example", "127.0.0.1.evil.example", "localhost.evil.example",
                                "10.0.0.1", "[::1]", "", ".", "localhost..", "127.0.0.2"})
        BOOST_TEST(own.by_host(foreign) == 421u, foreign);
    // On all addresses any number is one of ours; a name is not.
    for (const char* all : {"0.0.0.0:9900", ":9900", "[::]:9900"}) {
        const gate wide(all);
        BOOST_TEST(wide.by_host("10.1.2.3:9900") == 200u, all);
        BOOST_TEST(wide.by_host("[fd00::2]:9900") == 200u, all);
        BOOST_TEST(wide.by_host("evil.example:9900") == 421u, all);
    }
}

// A probe of HTTP/1.0 names no host. A page's request always does, and nothing else is said so.
BOOST_AUTO_TEST_CASE(probes_without_a_host) {
    const gate closed("127.0.0.1:9900", {}, "s3cret");
    for (const char* probe : {"/livez", "/readyz", "/readyz?verbose"}) {
        BOOST_TEST(closed.ask("GET", probe, {}) == 200u, probe);
        BOOST_TEST(closed.ask("GET", probe, {{"Host", "evil.example"}}) == 421u, probe);
        BOOST_TEST(closed.ask("GET", probe, {{"Origin", "http://evil.example"}}) == 403u, probe);
        BOOST_TEST(closed.ask("POST", probe, {}) == 405u, probe);
    }
    for (const char* target : {"/metrics", "/", "/metrics?/livez"})
        BOOST_TEST(closed.ask("GET", target, {}) == 421u, target);
}

BOOST_AUTO_TEST_CASE(pages_of_other_sites) {
    const gate own("127.0.0.1:9900");
    BOOST_TEST(own.by_origin("http://localhost:9900") == 200u);
    BOOST_TEST(own.by_origin("https://LOCALHOST:9900") == 200u);  // behind a proxy with TLS
    for (const char* foreign : {"https://evil.example", "null", "http://localhost", "",
                                "http://localhost:9900.evil.example", "file://localhost:9900"})
        BOOST_TEST(own.by_origin(foreign) == 403u, foreign);
    BOOST_TEST(
        own.ask("GET", "/livez",
                {{"Host", "localhost"}, {"Origin", "http://localhost"}, {"Origin", "null"}}) ==
        403u);
}

BOOST_AUTO_TEST_CASE(methods) {
    const gate own("127.0.0.1:9900");
    BOOST_TEST(own.ask("HEAD", "/metrics", {{"Host", "localhost"}}) == 200u);
    for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "TRACE"})
        BOOST_TEST(own.ask(method, "/metrics", {{"Host", "localhost"}}) == 405u, method);
}

BOOST_AUTO_TEST_CASE(the_token) {
    const gate closed("127.0.0.1:9900", {}, "s3cret");
    BOOST_TEST(closed.by_token("Bearer s3cret", "/metrics") == 200u);
    BOOST_TEST(closed.by_token("bearer s3cret", "/metrics?x=1") == 200u);
    for (const char* wrong : {"", "Bearer", "Bearer ", "Bearer s3cre", "Bearer s3crett",
                              "Basic s3cret", "s3cret", "Bearer  s3cret"})
        for (const char* target : {"/metrics", "/", "/livez/../metrics", "/metrics?/livez"})
            BOOST_TEST(closed.by_token(wrong, target) == 401u, wrong);
    BOOST_TEST(closed.ask("GET", "/metrics", {{"Host", "localhost"}}) == 401u);
    for (const char* probe : {"/livez", "/readyz", "/readyz?verbose"})
        BOOST_TEST(closed.by_token("", probe) == 200u, probe);
}

BOOST_AUTO_TEST_SUITE_END()
