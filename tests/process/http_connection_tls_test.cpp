// Shows that a TLS destination is the one that the URL names, with certificates made for the test.
#include "tests/support/scripted_destination.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/support/test_ca.hpp"

#include <cstdlib>

using namespace std::chrono_literals;
using destination = support::scripted_destination;
using support::caller;
using support::ok;
using support::script;
namespace asio = boost::asio;

namespace {

/// The certificates of this test. They are made before the first TLS connection of this process,
/// since the authorities are read once.
struct tls_scene {
    support::temporary_directory directory{};
    support::test_ca ca{directory.path()};
    static tls_scene& instance() {
        static tls_scene scene;
        return scene;
    }
    tls_scene() { ::setenv("SSL_CERT_FILE", ca.file().c_str(), 1); }

    static asio::ssl::context context(const support::certificate_files& files) {
        asio::ssl::context c(asio::ssl::context::tls_server);
        c.use_certificate_file(files.certificate.string(), asio::ssl::context::pem);
        c.use_private_key_file(files.key.string(), asio::ssl::context::pem);
        return c;
    }
};

/// The error of a connection to `host`, whose server has a certificate for `names`; empty when it
/// is accepted.
std::string tls_trouble(const std::string& names, const std::string& host, long seconds = 3600,
                        bool known = true) {
    tls_scene& scene = tls_scene::instance();
    support::temporary_directory elsewhere;
    support::test_ca unknown(elsewhere.path());
    asio::ssl::context context =
        tls_scene::context((known ? scene.ca : unknown).issue(names, seconds));
    support::event_loop loop;
    destination d(loop, {{{ok()}}}, &context);
    caller c(loop, d.address(host));
    const std::string why = c.open({d.peer()});
    if (why.empty()) BOOST_TEST(c.post().status == 200);
    BOOST_TEST(c.close());
    return why;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(http_connection_tls)

// TLS: the certificate must have the name or address of the URL, and its authority must be known.
BOOST_AUTO_TEST_CASE(checks_the_name) {
    BOOST_TEST(tls_trouble("DNS:localhost", "localhost") == "");
    BOOST_TEST(tls_trouble("DNS:a.example,DNS:*.b.example,DNS:localhost", "localhost") == "");
    BOOST_TEST(tls_trouble("IP:127.0.0.1", "127.0.0.1") == "");
    BOOST_TEST(tls_trouble("DNS:other.example,DNS:*.b.example", "localhost") ==
               "TLS: the certificate is not for the name localhost, but for DNS:other.example, "
               "DNS:*.b.example");
    BOOST_TEST(tls_trouble("DNS:localhost", "127.0.0.1") ==
               "TLS: the certificate is not for the name 127.0.0.1, but for DNS:localhost");
    BOOST_TEST(tls_trouble("IP:127.0.0.2", "127.0.0.1") ==
               "TLS: the certificate is not for the name 127.0.0.1, but for IP Address:127.0.0.2");
}

// A certificate out of its time, and one of an unknown authority, are told apart from that.
BOOST_AUTO_TEST_CASE(says_what_is_wrong) {
    const std::string late = tls_trouble("DNS:localhost", "localhost", -60);
    BOOST_TEST(late.starts_with("TLS: the date of the certificate has passed: it was valid until "),
               late);
    BOOST_TEST(tls_trouble("DNS:localhost", "localhost", 3600, false) ==
               "TLS: the issuer of the certificate is not trusted: CN=test authority (certificate "
               "signature failure)");
}

// The authorities of a file stand for the system's; a file that has none is refused.
BOOST_AUTO_TEST_CASE(authorities_of_a_file) {
    tls_scene& scene = tls_scene::instance();
    support::temporary_directory elsewhere;
    support::test_ca own(elsewhere.path());
    asio::ssl::context of_own = tls_scene::context(own.issue("DNS:localhost"));
    asio::ssl::context of_system = tls_scene::context(scene.ca.issue("DNS:localhost"));
    support::event_loop loop;
    destination d(loop, {{{ok()}}}, &of_own), other(loop, {{{ok()}}}, &of_system);
    const components::tls_authorities authorities = components::authorities_of(own.file());
    caller c(loop, d.address("localhost"), authorities);
    BOOST_TEST(c.open({d.peer()}) == "");
    BOOST_TEST(c.post().status == 200);
    BOOST_TEST(c.close());
    caller to_other(loop, other.address("localhost"), authorities);
    BOOST_TEST(to_other.open({other.peer()}).starts_with("TLS: the issuer of the certificate"));
    BOOST_TEST(to_other.close());
    BOOST_CHECK_EXCEPTION(
        components::authorities_of(elsewhere / "none"), std::runtime_error, [&](const auto& e) {
            return std::string(e.what()).starts_with((elsewhere / "none").string() + ": No such");
        });
    for (const std::filesystem::path& wrong :
         {scene.ca.issue("DNS:a").key, elsewhere.path(), std::filesystem::path("/dev/null")})
        BOOST_CHECK_THROW(components::authorities_of(wrong), std::runtime_error);
}

// TLS: a connection is kept over several exchanges, becomes stale as a plain one, and ends with
// close_notify.
BOOST_AUTO_TEST_CASE(connections_are_kept) {
    asio::ssl::context context =
        tls_scene::context(tls_scene::instance().ca.issue("DNS:localhost"));
    support::event_loop loop;
    destination d(loop, {{{ok(), ok(), ok()}, script::hold}, {{ok()}, script::close}}, &context);
    caller c(loop, d.address("localhost"));
    BOOST_TEST(c.open({d.peer()}) == "");
    for (int i = 0; i < 3; ++i) {
        BOOST_TEST(c.post().status == 200);
        BOOST_TEST(c.connection.reusable());
    }
    bool closed = false;
    c.start_closing(closed);
    BOOST_TEST(loop.until([&] { return d.goodbyes == 1; }, 5s));
    BOOST_TEST(!closed);
    d.let_go();
    BOOST_TEST(loop.until([&] { return closed; }, 10s));
    caller stale(loop, d.address("localhost"));
    BOOST_TEST(stale.open({d.peer()}) == "");
    BOOST_TEST(stale.post().status == 200);
    BOOST_TEST(loop.until([&] { return d.open == 0; }, 5s));
    BOOST_TEST(stale.post().status == 0);
    BOOST_TEST(stale.connection.was_stale());
    BOOST_TEST(stale.close());
}

// What a destination sends behind its answer is no answer to the next request, wherever it lies: in
// a record of its own that came with the answer, or in the rest of the same record.
BOOST_AUTO_TEST_CASE(more_than_an_answer) {
    asio::ssl::context context =
        tls_scene::context(tls_scene::instance().ca.issue("DNS:localhost"));
    const std::string begin = "HTTP/1.1 200 OK\r\nContent-Length: ",
                      whole_read = begin + "8151\r\n\r\n" + std::string(8151, 'x');
    BOOST_REQUIRE(whole_read.size() == 8u << 10);
    for (const std::string& answer :
         {ok() + support::next_record + ok(),
          std::string("HTTP/1.1 204 No Content\r\n\r\n") + support::next_record + "{\"ok\":true}\n",
          whole_read + ok()}) {
        support::event_loop loop;
        destination d(loop, {{{answer}, script::hold}}, &context);
        caller c(loop, d.address("localhost"));
        BOOST_TEST(c.open({d.peer()}) == "");
        BOOST_TEST(c.post().status / 100 == 2);
        BOOST_TEST(!c.connection.reusable());
        d.let_go();
        BOOST_TEST(c.close());
    }
}

// Certificates of a file are trusted themselves: an authority below the root, or the destination's
// own certificate.
BOOST_AUTO_TEST_CASE(a_certificate_that_is_trusted_itself) {
    support::temporary_directory elsewhere;
    support::test_ca own(elsewhere.path());
    const support::certificate_files files = own.issue("DNS:localhost");
    asio::ssl::context context = tls_scene::context(files);
    support::event_loop loop;
    destination d(loop, {{{ok()}}}, &context);
    caller c(loop, d.address("localhost"), components::authorities_of(files.certificate));
    BOOST_TEST(c.open({d.peer()}) == "");
    BOOST_TEST(c.post().status == 200);
    BOOST_TEST(c.close());
}

// A destination without TLS has an error of its own, and one that sends nothing is a timeout.
BOOST_AUTO_TEST_CASE(no_tls_there) {
    tls_scene::instance();
    support::event_loop loop;
    destination plain(loop, {{{}, script::close}, {{}, script::hold}});
    auto target = plain.address("localhost");
    target.tls = true;
    caller c(loop, target);
    BOOST_TEST(c.open({plain.peer()}).starts_with("TLS: "));
    BOOST_TEST(c.close());
    caller silent(loop, target);
    BOOST_TEST(silent.open({plain.peer()}, 300ms) == "TLS: timed out");
    plain.let_go();
    BOOST_TEST(silent.close());
}

BOOST_AUTO_TEST_SUITE_END()
