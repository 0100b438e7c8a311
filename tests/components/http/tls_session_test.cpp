// Shows that a session of TLS takes no more of a client than its turn, step by step, over a pair of
// sockets without a loop.
#include "components/http/tls_session.hpp"

#include "supe/async/unique_fd.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/support/test_ca.hpp"

#include <openssl/ssl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <boost/test/unit_test.hpp>
#include <string>
#include <string_view>

using components::tls_need;
using components::tls_step;

namespace {

/// A session, and its client, whose records the test sends.
struct scene {
    support::temporary_directory directory{};
    supe::unique_fd ours{}, theirs{};
    components::tls_server_context context = identity();
    std::unique_ptr<components::tls_session> session{};
    std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> habits{SSL_CTX_new(TLS_client_method()),
                                                        SSL_CTX_free};
    std::unique_ptr<SSL, void (*)(SSL*)> client{SSL_new(habits.get()), SSL_free};
    BIO* out = BIO_new(BIO_s_mem());

    scene() {
        int pair[2];
        BOOST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
        ours.reset(pair[0]);
        theirs.reset(pair[1]);
        session = std::make_unique<components::tls_session>(ours.get(), context);
        SSL_set_fd(client.get(), theirs.get());
        SSL_set0_wbio(client.get(), out);
        SSL_set_connect_state(client.get());
    }
    components::tls_server_context identity() {
        const auto made = support::test_ca(directory.path()).issue("DNS:localhost");
        return components::tls_context_of({made.certificate, made.key});
    }
    void send(std::string_view bytes) {
        BOOST_REQUIRE(::send(theirs.get(), bytes.data(), bytes.size(), 0) ==
                      static_cast<ssize_t>(bytes.size()));
    }
    /// What the client has written since the last call.
    std::string records() {
        char* begin = nullptr;
        const long size = BIO_get_mem_data(out, &begin);
        std::string taken(begin, static_cast<std::size_t>(size));
        BIO_reset(out);
        return taken;
    }
    void shake_hands() {
        for (bool done = false; !done;) {
            done = SSL_do_handshake(client.get()) == 1;
            send(records());
            BOOST_REQUIRE(!session->handshake().done.failed);
        }
    }
    std::string key_updates(int n) {
        for (int i = 0; i < n; ++i) {
            SSL_key_update(client.get(), SSL_KEY_UPDATE_NOT_REQUESTED);
            SSL_do_handshake(client.get());
        }
        return records();
    }
    std::string record_of(std::string_view text) {
        SSL_write(client.get(), text.data(), static_cast<int>(text.size()));
        return records();
    }
    int unread() const {
        int bytes = 0;
        ::ioctl(ours.get(), FIONREAD, &bytes);
        return bytes;
    }
    tls_step read() {
        char into[100];
        return session->read({into, sizeof into});
    }
    /// Reads what has come, until that is done.
    tls_step read_all() {
        tls_step last = read();
        while (last.needs == tls_need::input && unread() > 0) last = read();
        return last;
    }
};

bool is_too_much(const tls_step& s) {
    return s.done.failed.message().starts_with("excessive message size");
}

}  // namespace

BOOST_AUTO_TEST_SUITE(tls_session)

// Records without data end a step, whatever stands behind them.
BOOST_AUTO_TEST_CASE(a_turn) {
    scene s;
    s.shake_hands();
    s.send(s.key_updates(100));
    s.send(s.record_of("hello"));
    const int all = s.unread();
    BOOST_TEST((s.read().needs == tls_need::input));
    BOOST_TEST(s.unread() > all / 2);
    const tls_step last = s.read_all();
    BOOST_TEST(!last.done.failed);
    BOOST_TEST(last.done.bytes == 5u);
}

// Between two messages nothing may come but what TLS sends for itself.
BOOST_AUTO_TEST_CASE(quiet) {
    scene s;
    s.shake_hands();
    BOOST_TEST(s.session->is_quiet());
    s.send(s.key_updates(40));
    BOOST_TEST(s.session->is_quiet());
    const std::string record = s.record_of("hello");
    s.send(record.substr(0, 7));
    BOOST_TEST(!s.session->is_quiet());
    s.send(record.substr(7));
    BOOST_TEST(!s.session->is_quiet());
    BOOST_TEST(s.read_all().done.bytes == 5u);
    BOOST_TEST(s.session->is_quiet());
    s.theirs.reset();
    BOOST_TEST(!s.session->is_quiet());
}

// A record is read in parts, and the next one stays in the socket: neither is quiet.
BOOST_AUTO_TEST_CASE(quiet_behind_a_message) {
    scene s;
    s.shake_hands();
    s.send(s.record_of(std::string(150, 'x')));
    BOOST_TEST(s.read_all().done.bytes == 100u);
    BOOST_TEST(!s.session->is_quiet());
    BOOST_TEST(s.read_all().done.bytes == 50u);
    s.send(s.record_of("a"));
    s.send(s.record_of("b"));
    BOOST_TEST(s.read_all().done.bytes == 1u);
    BOOST_TEST(s.unread() > 0);
    BOOST_TEST(!s.session->is_quiet());
}

// A client may send a thousand of them, at once or one by one.
BOOST_AUTO_TEST_CASE(records_without_data) {
    scene s;
    s.shake_hands();
    for (int i = 0; i < 9; ++i) {
        s.send(s.key_updates(100));
        BOOST_TEST((s.read_all().needs == tls_need::input));
    }
    s.send(s.record_of("hello"));
    BOOST_TEST(s.read_all().done.bytes == 5u);
    tls_step last;
    for (int i = 0; i < 2; ++i) {
        s.send(s.key_updates(100));
        last = s.read_all();
    }
    BOOST_TEST(is_too_much(last));
}

// Those with data have no such limit, however they come.
BOOST_AUTO_TEST_CASE(records_with_data) {
    scene s;
    s.shake_hands();
    for (int i = 0; i < 2000; ++i) {
        const std::string record = s.record_of("hello"), head = record.substr(0, 10);
        s.send(head);
        BOOST_REQUIRE((s.read_all().needs == tls_need::input));
        s.send(record.substr(head.size()));
        BOOST_REQUIRE(s.read_all().done.bytes == 5u);
    }
}

// A hello in records of one byte each: a step takes a few of them, and there is an end.
BOOST_AUTO_TEST_CASE(hello_in_crumbs) {
    scene s;
    std::string hello("\x01\x01\xff\xff\x03\x03", 6);
    hello.resize(2000, 'r');
    std::string records;
    for (const char c : hello) records += std::string("\x16\x03\x01\0\x01", 5) + c;
    s.send(records);
    tls_step last = s.session->handshake();
    BOOST_TEST((last.needs == tls_need::input));
    BOOST_TEST(s.unread() > static_cast<int>(records.size() * 9 / 10));
    while (last.needs == tls_need::input && s.unread() > 0) last = s.session->handshake();
    BOOST_TEST(components::is_refusal(last.done.failed));
    BOOST_TEST(is_too_much(last));
    BOOST_TEST(s.unread() > static_cast<int>(records.size() / 3));
}

BOOST_AUTO_TEST_SUITE_END()
