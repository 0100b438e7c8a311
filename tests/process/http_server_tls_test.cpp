// Shows how the HTTP server speaks TLS with clients of every kind, over real sockets in one thread.
#include "tests/support/files.hpp"
#include "tests/support/http_test_server.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/support/test_ca.hpp"
#include "tests/support/tls_client.hpp"

#include <openssl/pem.h>
#include <sys/stat.h>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <list>

using namespace std::chrono_literals;
using server = support::http_test_server;
using support::contains;
using support::raw_client;
using support::tls_client;
namespace fs = std::filesystem;

namespace {

/// A server with a certificate of its own, whose files the test can replace.
struct tls_scene {
    support::temporary_directory directory{};
    support::test_ca ca{directory.path()};
    components::tls_files files = pair();
    server s;

    explicit tls_scene(components::http_limits limits = server::small()) : s(limits, files) {}
    components::tls_files pair() {
        const support::certificate_files made = ca.issue("DNS:localhost");
        return {made.certificate, made.key};
    }
    tls_client client(support::tls_habits h = {}) { return {s.loop, s.port, std::move(h)}; }
    /// As programs replace files: another one takes the name.
    void replace(const fs::path& with, const fs::path& file) {
        fs::copy_file(with, directory / "fresh", fs::copy_options::overwrite_existing);
        fs::rename(directory / "fresh", file);
    }
    /// Whether new connections get the certificate with this number, once the files are looked at.
    bool shows(long number) {
        return s.loop.until([&] { return client().serial_number() == number; }, 20s);
    }
};

/// Clients may hang for an hour in their handshake, and for as long as this before they give way.
components::http_limits that_hang(supe::duration patience) {
    auto limits = server::small();
    limits.handshake = 1h;
    limits.patience = patience;
    return limits;
}

constexpr const char* get = "GET /x HTTP/1.1\r\nHost: h\r\n\r\n";

/// What is wrong with these files; empty where nothing is.
std::string fault_of(const fs::path& certificate, const fs::path& key) {
    try {
        components::tls_context_of({certificate, key});
    } catch (const std::runtime_error& e) {
        return e.what();
    }
    return {};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(http_server_tls)

// All that HTTP/1.1 has is there over TLS too: kept connections, pipelining, chunks, 100-continue,
// bodies of many records. The end is announced by close_notify.
BOOST_AUTO_TEST_CASE(as_in_the_clear) {
    tls_scene t;
    tls_client c = t.client();
    BOOST_TEST(c.trouble() == "");
    BOOST_TEST(contains(c.say(get).receive("GET /x 0\n"), "Connection: keep-alive\r\n"));
    c.say(std::string(get) + "GET /second HTTP/1.1\r\nHost: h\r\n\r\n");
    BOOST_TEST(contains(c.receive("GET /second 0\n"), "GET /x 0\n"));
    c.say("POST /chunks HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    c.say("2\r\nde\r\n0\r\n\r\n");
    BOOST_TEST(contains(c.receive("POST /chunks 5\n"), "200 OK"));
    c.say("POST /e HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    BOOST_TEST(c.receive("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
    BOOST_TEST(contains(c.say("hello").receive("POST /e 5\n"), "200 OK"));
    c.say("POST /big HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 150000\r\n\r\n" +
          std::string(150000, 'x'));
    const std::string last = c.read_all();
    BOOST_TEST(last.ends_with("POST /big 150000\n(close_notify)"), last);
    BOOST_TEST(t.s.got.size() == 6u);
    BOOST_TEST(std::ranges::all_of(t.s.got, &components::http_request::secure));
    BOOST_TEST(t.s.got.front().remote == "127.0.0.1");
    server in_the_clear;
    in_the_clear.talk("GET / HTTP/1.0\r\n\r\n");
    BOOST_TEST(!in_the_clear.got.at(0).secure);
}

// TLS 1.2 or later, and HTTP/1.1 alone.
BOOST_AUTO_TEST_CASE(versions_and_protocols) {
    tls_scene t;
    BOOST_TEST(t.client({{}, TLS1_2_VERSION}).version() == "TLSv1.2");
    BOOST_TEST(t.client().version() == "TLSv1.3");
    BOOST_TEST(t.client({{}, TLS1_1_VERSION}).trouble() != "");
    BOOST_TEST(t.client({"\x02h2\x08http/1.1", 0}).protocol() == "http/1.1");
    for (const char* other : {"\x02h2", "\x08http/1.0"})
        BOOST_TEST(contains(t.client({other, 0}).trouble(), "no application protocol"), other);
    BOOST_TEST(contains(t.client().say(get).receive("GET /x 0\n"), "200 OK"));
}

// Who speaks HTTP without TLS is told so, whatever the method; what is neither is no request.
BOOST_AUTO_TEST_CASE(without_tls) {
    tls_scene t;
    for (const char* begin : {"GET", "PATCH", "DELETE", "OPTIONS", "CONNECT", "x-Own", "\r\nPUT"})
        support::check(t.s.talk(begin + std::string(" /x HTTP/1.1\r\nHost: h\r\n\r\n")),
                       "400 Bad Request", "the URL begins with https://\n");
    support::check(t.s.talk("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 150000\r\n\r\n" +
                            std::string(150000, 'x')),
                   "400 Bad Request", "the URL begins with https://\n");
    for (const char* bytes : {"\x01rubbish\r\n\r\n", "\x80\x2e odd", "\x16\x03\x01 odd"}) {
        raw_client odd = t.s.client();
        BOOST_TEST(!contains(odd.say(bytes).finish().read_all(), "HTTP/1.1"), bytes);
    }
    BOOST_TEST(t.s.got.size() == 0u);
    BOOST_TEST(contains(t.client().say(get).receive("GET /x 0\n"), "200 OK"));
}

// A handshake has a limit.
BOOST_AUTO_TEST_CASE(handshakes_that_hang) {
    auto limits = server::small();
    limits.handshake = 300ms;
    tls_scene t(limits);
    raw_client silent = t.s.client(), halfway = t.s.client();
    halfway.say("\x16\x03\x01\x02");
    BOOST_TEST(silent.read_all() == "(end)");
    BOOST_TEST(halfway.read_all() == "(end)");
}

// Handshakes that hang count as connections, and make room for a client that speaks.
BOOST_AUTO_TEST_CASE(nobody_is_kept_out) {
    auto limits = that_hang(50ms);
    limits.clients = 2;
    tls_scene t(limits);
    raw_client first = t.s.client(), second = t.s.client();
    t.s.loop.run_for(20ms);
    tls_client fresh = t.client();
    BOOST_TEST(contains(fresh.say(get).receive("GET /x 0\n"), "200 OK"));
    BOOST_TEST(first.read_all() == "(end)");
    BOOST_TEST(second.is_open());
}

// Handshakes have a bound of their own, as they take the most memory: one that hangs gives way, and
// a client that says nothing yet takes none of it.
BOOST_AUTO_TEST_CASE(handshakes_are_bounded) {
    auto limits = that_hang(50ms);
    limits.handshakes = 1;
    tls_scene t(limits);
    raw_client silent = t.s.client();
    BOOST_TEST(t.client().trouble() == "");
    raw_client first = t.s.client(), second = t.s.client();
    for (raw_client* hangs : {&first, &second}) hangs->say("\x16\x03\x01\x02");
    t.s.loop.run_for(20ms);
    BOOST_TEST(t.client().trouble() == "");
    BOOST_TEST(first.read_all() == "(end)");
    BOOST_TEST(silent.is_open());
}

// Of those that wait for their handshake the newest is next: many that came only to hang keep
// nobody out for longer than one of them may take.
BOOST_AUTO_TEST_CASE(the_newest_is_next) {
    auto limits = that_hang(300ms);
    limits.handshakes = 1;
    tls_scene t(limits);
    std::list<raw_client> hanging;
    for (int i = 0; i < 40; ++i) hanging.push_back(t.s.client());
    for (raw_client& c : hanging) c.say("\x16\x03\x01\x02");
    t.s.loop.run_for(20ms);
    BOOST_TEST(t.client().trouble() == "");
    BOOST_TEST(std::ranges::count_if(hanging, &raw_client::is_open) >= 38);
}

// What TLS takes counts with the request: one that is small in the clear has no room where nothing
// that counts has any.
BOOST_AUTO_TEST_CASE(memory_counts) {
    auto limits = server::small();
    limits.large_requests = 1;
    const std::string post =
        "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 6000\r\n\r\n" + std::string(6000, 'x');
    server in_the_clear(limits);
    BOOST_TEST(contains(in_the_clear.client().say(post).receive("POST /x 6000\n"), "200 OK"));
    tls_scene t(limits);
    BOOST_TEST(contains(t.client().say(get).receive("GET /x 0\n"), "200 OK"));
    BOOST_TEST(contains(t.client().say(post).read_all(), "too many large requests at once\n"));
}

// Where there is no room for a part of the next record, it is answered as a part of a request is.
BOOST_AUTO_TEST_CASE(no_room_at_the_first_byte) {
    auto limits = server::small();
    limits.large_requests = 1;
    tls_scene t(limits);
    tls_client c = t.client();
    c.say(get).receive("GET /x 0\n");
    const std::string record = c.record_of(get);
    const std::string answer = c.send(record.substr(0, record.size() - 1)).read_all();
    BOOST_TEST(answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), answer);
    BOOST_TEST(contains(answer, "\r\nRetry-After: 5\r\n"), answer);
    BOOST_TEST(answer.ends_with("too many large requests at once\n(close_notify)"), answer);
    BOOST_TEST(contains(t.client().say(get).receive("GET /x 0\n"), "200 OK"));
}

// Nor is it at rest: it is answered when its time is up, and the end of the server waits for it.
BOOST_AUTO_TEST_CASE(a_part_of_a_request) {
    auto limits = server::small();
    limits.idle = 1s;
    tls_scene t(limits);
    tls_client late = t.client();
    const std::string first = late.record_of(get);
    late.send(first.substr(0, first.size() - 1));
    BOOST_TEST(late.read_all().starts_with("HTTP/1.1 408 Request Timeout\r\n"));
    tls_client slow = t.client();
    const std::string second = slow.record_of(get);
    slow.send(second.substr(0, second.size() - 1));
    t.s.loop.run_for(50ms);
    t.s.ask_to_stop();
    t.s.loop.run_for(50ms);
    slow.send(second.substr(second.size() - 1));
    BOOST_TEST(slow.read_all().ends_with("GET /x 0\n(close_notify)"));
}

// An answer needs no room: what was kept must be answered.
BOOST_AUTO_TEST_CASE(no_room_for_an_answer) {
    auto limits = server::small();
    limits.large_requests = 1;
    tls_scene t(limits);
    t.s.more.assign(12 << 20, 'x');
    tls_client c = t.client();
    c.pause();
    c.say("GET /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    t.s.loop.run_for(100ms);  // until nothing more can be sent
    c.go_on();
    const std::string answer = c.read_all();
    BOOST_TEST(answer.size() > t.s.more.size());
    BOOST_TEST(answer.ends_with("GET /x 0\n(close_notify)"));
}

// A client that ends without close_notify has ended: a request that was whole is answered, one that
// was cut is none.
BOOST_AUTO_TEST_CASE(clients_that_hang_up) {
    tls_scene t;
    t.s.answer_after = 50ms;
    tls_client whole = t.client(), cut = t.client();
    whole.say(get).hang_up();
    cut.say("POST /cut HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhe").hang_up();
    BOOST_TEST(contains(whole.read_all(), "GET /x 0\n"));
    BOOST_TEST(contains(cut.read_all(), "the request was cut short\n"));
    raw_client reset = t.s.client();
    reset.say("\x16\x03\x01").hang_up();
    BOOST_TEST(t.s.got.size() == 1u);
    // One that is gone before its answers raises no SIGPIPE, which would end the process.
    t.client().say(std::string(get) + get + get);
    t.s.loop.until([&] { return t.s.got.size() >= 2u && t.s.answering == 0; }, 20s);
    BOOST_TEST(contains(t.client().say(get).receive("GET /x 0\n"), "200 OK"));
}

// A pair that was replaced is for new connections; those that are open stay. A bad pair changes
// nothing until it is right.
BOOST_AUTO_TEST_CASE(replaced_files) {
    tls_scene t;
    tls_client before = t.client();
    const long number = before.serial_number();
    const components::tls_files next = t.pair();
    t.replace(next.certificate, t.files.certificate);  // whose key is not there yet
    t.s.loop.run_for(1500ms);
    BOOST_TEST(t.client().serial_number() == number);
    t.replace(next.key, t.files.key);
    BOOST_TEST(t.shows(number + 1));
    fs::remove(t.files.certificate);
    t.s.loop.run_for(1500ms);
    BOOST_TEST(t.client().serial_number() == number + 1);
    const components::tls_files last = t.pair();
    fs::copy_file(last.key, t.files.key, fs::copy_options::overwrite_existing);  // in place
    fs::copy_file(last.certificate, t.files.certificate);
    BOOST_TEST(t.shows(number + 2));
    BOOST_TEST(contains(before.say(get).receive("GET /x 0\n"), "keep-alive"));
}

// A file that became a FIFO holds up nobody: its open would wait for a writer.
BOOST_AUTO_TEST_CASE(a_fifo_later) {
    tls_scene t;
    const long number = t.client().serial_number();
    fs::remove(t.files.certificate);
    BOOST_REQUIRE(::mkfifo(t.files.certificate.c_str(), 0600) == 0);
    t.s.loop.run_for(1500ms);
    BOOST_TEST(t.client().serial_number() == number);
    BOOST_TEST(fault_of(t.files.certificate, t.files.key) ==
               t.files.certificate.string() + ": it is no regular file");
}

// A pair that could not be read is tried again, although nothing of the files says that it is
// another one: who may read a file is not to be seen there. Nobody has to come for that.
BOOST_AUTO_TEST_CASE(bad_for_a_while) {
    tls_scene t;
    const long number = t.client().serial_number();
    const components::tls_files next = t.pair();
    const std::string key = support::read_file(next.key);
    const auto write_key = [&](const std::string& text) {
        const auto when = fs::file_time_type(24h);
        std::ofstream(next.key) << text;
        fs::last_write_time(next.key, when);
    };
    write_key(std::string(key.size(), 'x'));
    components::tls_identity identity(next);
    supe::time_point now{};
    const auto look = [&] {
        identity.look(now += 1s);
        return identity.objection();
    };
    BOOST_TEST(look().starts_with(next.key.string() + ": must be a private key"));
    BOOST_TEST(!identity.context());
    write_key(key);
    BOOST_TEST(look() == "");
    BOOST_TEST(identity.context());
    // The same with one that stays in use meanwhile.
    write_key(std::string(key.size(), 'x'));
    t.replace(next.certificate, t.files.certificate);
    fs::remove(t.files.key);
    fs::create_hard_link(next.key, t.files.key);
    t.s.loop.run_for(1500ms);
    BOOST_TEST(t.client().serial_number() == number);
    write_key(key);
    BOOST_TEST(t.shows(number + 1));
}

// Those that vouch for the server's own certificate stand behind it in the file, and are sent too.
BOOST_AUTO_TEST_CASE(the_chain) {
    tls_scene t;
    BOOST_TEST(t.client().chain_length() == 1);
    std::ofstream(t.files.certificate, std::ios::app) << support::read_file(t.ca.file());
    BOOST_TEST(t.s.loop.until([&] { return t.client().chain_length() == 2; }, 20s));
    std::ofstream(t.files.certificate, std::ios::app) << "-----BEGIN CERTIFICATE-----\ncut";
    BOOST_TEST(fault_of(t.files.certificate, t.files.key)
                   .starts_with(t.files.certificate.string() + ": must be a certificate in PEM"),
               fault_of(t.files.certificate, t.files.key));
}

// A server whose pair is bad takes no connection, and begins once it is right.
BOOST_AUTO_TEST_CASE(bad_at_the_start) {
    support::temporary_directory directory;
    support::test_ca ca(directory.path());
    const support::certificate_files made = ca.issue("DNS:localhost");
    const fs::path certificate = directory / "later.pem";
    server s(server::small(), components::tls_files{certificate, made.key});
    BOOST_TEST(tls_client(s.loop, s.port).trouble() != "");
    fs::copy_file(made.certificate, certificate);
    BOOST_TEST(s.loop.until([&] { return tls_client(s.loop, s.port).trouble().empty(); }, 20s));
}

// What is wrong with files names the file and the reason.
BOOST_AUTO_TEST_CASE(bad_files) {
    support::temporary_directory directory;
    support::test_ca ca(directory.path());
    const support::certificate_files one = ca.issue("DNS:a"), other = ca.issue("DNS:b");
    const std::string certificate = one.certificate.string(), key = one.key.string(),
                      other_key = other.key.string(), none = (directory / "none").string();
    BOOST_TEST(fault_of(certificate, key) == "");
    BOOST_TEST(fault_of(none, key) == none + ": No such file or directory");
    BOOST_TEST(fault_of(certificate, directory.path()) ==
               directory.path().string() + ": it is no regular file");
    BOOST_TEST(fault_of(key, key) ==
               key + ": must be a certificate in PEM, and is not: no start line");
    BOOST_TEST(fault_of(certificate, certificate)
                   .starts_with(certificate +
                                ": must be a private key without a passphrase in PEM, and is "
                                "not: "),
               fault_of(certificate, certificate));
    BOOST_TEST(fault_of(certificate, other_key) ==
               other_key + ": is not the key of the certificate in " + certificate);
    // With a passphrase; nobody is asked for it.
    const fs::path locked = directory / "locked.key", rsa = directory / "rsa.key";
    std::FILE* out = std::fopen(locked.c_str(), "w");
    EVP_PKEY* fresh = EVP_EC_gen("P-256");
    PEM_write_PKCS8PrivateKey(out, fresh, EVP_aes_128_cbc(), "word", 4, nullptr, nullptr);
    std::fclose(out);
    EVP_PKEY_free(fresh);
    BOOST_TEST(fault_of(certificate, locked) ==
               locked.string() +
                   ": the key has a passphrase, and nobody is there to be asked for "
                   "it: it must be stored without one");
    // Of another algorithm.
    out = std::fopen(rsa.c_str(), "w");
    fresh = EVP_RSA_gen(2048);
    PEM_write_PrivateKey(out, fresh, nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(out);
    EVP_PKEY_free(fresh);
    BOOST_TEST(fault_of(certificate, rsa) ==
               rsa.string() + ": is not the key of the certificate in " + certificate);
}

// At the end: idle connections hear that it is meant, and a request that takes too long is answered
// 503.
BOOST_AUTO_TEST_CASE(the_end) {
    auto limits = server::small();
    limits.drain = 1s;
    tls_scene t(limits);
    raw_client greeting = t.s.client();  // whom nobody waits for
    greeting.say("\x16\x03\x01\x02");
    tls_client idle = t.client(), working = t.client();
    idle.say(get).receive("GET /x 0\n");
    t.s.answer_after = 1h;
    working.say(get);
    t.s.loop.until([&] { return t.s.got.size() == 2; }, 5s);
    t.s.ask_to_stop();
    BOOST_TEST(greeting.read_all() == "(end)");
    BOOST_TEST(!t.s.ended);
    BOOST_TEST(t.s.stop());
    BOOST_TEST(idle.read_all() == "(close_notify)");
    const std::string reply = working.read_all();
    BOOST_TEST(reply.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), reply);
    BOOST_TEST(reply.ends_with("please try again\n(close_notify)"), reply);
}

BOOST_AUTO_TEST_SUITE_END()
