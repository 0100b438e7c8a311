#include "components/http/tls_session.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <boost/asio/ssl/error.hpp>
#include <cerrno>
#include <new>
#include <utility>

namespace components {
namespace {

namespace asio = boost::asio;

// Measured with OpenSSL 3.0.
constexpr std::size_t bytes_of_session = 15 << 10;
constexpr std::size_t bytes_of_record = 17 << 10;

// Each brings a record at most; a whole one takes two.
constexpr int most_receives = 16;
// An honest peer sends ten in its handshake, and after that one in millions of others.
constexpr int most_bare_records = 1000;

tls_wire& wire_of(BIO* b) { return *static_cast<tls_wire*>(::BIO_get_data(b)); }

bool must_wait(ssize_t n) { return n < 0 && (errno == EAGAIN || errno == EINTR); }

int receive_for_tls(BIO* b, char* into, int size) {
    BIO_clear_retry_flags(b);
    tls_wire& wire = wire_of(b);
    if (wire.receives_left == 0) {
        BIO_set_retry_read(b);
        return -1;
    }
    --wire.receives_left;
    const ssize_t n = ::recv(wire.socket, into, static_cast<std::size_t>(size), MSG_DONTWAIT);
    if (must_wait(n)) BIO_set_retry_read(b);
    if (n == 0) errno = 0;  // the end is no fault of the socket
    return static_cast<int>(n);
}

int send_for_tls(BIO* b, const char* from, int size) {
    BIO_clear_retry_flags(b);
    const ssize_t n = ::send(wire_of(b).socket, from, static_cast<std::size_t>(size),
                             MSG_DONTWAIT | MSG_NOSIGNAL);
    if (must_wait(n)) BIO_set_retry_write(b);
    return static_cast<int>(n);
}

/// Nothing is kept here that a flush would send.
long control_for_tls(BIO*, int what, long, void*) { return what == BIO_CTRL_FLUSH ? 1 : 0; }

void count_record(int is_ours, int, int part, const void*, std::size_t, SSL*, void* wire) {
    if (!is_ours && part == SSL3_RT_HEADER) ++static_cast<tls_wire*>(wire)->bare_records;
}

/// OpenSSL's own way to a socket raises SIGPIPE where the peer has closed it.
const BIO_METHOD* way_to_socket() {
    static const std::unique_ptr<BIO_METHOD, void (*)(BIO_METHOD*)> way = [] {
        std::unique_ptr<BIO_METHOD, void (*)(BIO_METHOD*)> made(
            ::BIO_meth_new(::BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket"),
            ::BIO_meth_free);
        if (!made) throw std::bad_alloc();
        ::BIO_meth_set_read(made.get(), receive_for_tls);
        ::BIO_meth_set_write(made.get(), send_for_tls);
        ::BIO_meth_set_ctrl(made.get(), control_for_tls);
        return made;
    }();
    return way.get();
}

/// It keeps what it needs of the identity.
tls_end server_end(const tls_server_context& identity) {
    tls_end made(::SSL_new(identity.get()), ::SSL_free);
    if (made) ::SSL_set_accept_state(made.get());
    return made;
}

/// Also its end.
bool has_something(int socket) {
    char byte;
    return ::recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN;
}

}  // namespace

tls_session::tls_session(int socket, const tls_server_context& identity)
    : tls_session(socket, server_end(identity)) {}

tls_session::tls_session(int socket, tls_end end) : wire_{socket}, tls_(std::move(end)) {
    BIO* const way = tls_ ? ::BIO_new(way_to_socket()) : nullptr;
    if (!way) throw std::bad_alloc();
    ::BIO_set_data(way, &wire_);
    ::BIO_set_init(way, 1);
    ::SSL_set_bio(tls_.get(), way, way);  // which frees it
    ::SSL_set_mode(tls_.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                   SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    // Else a read goes on over records without data for as long as more of them are there.
    ::SSL_clear_mode(tls_.get(), SSL_MODE_AUTO_RETRY);
    ::SSL_set_msg_callback(tls_.get(), count_record);
    ::SSL_set_msg_callback_arg(tls_.get(), &wire_);
}

void tls_session::begin_step() {
    ::ERR_clear_error();
    wire_.receives_left = most_receives;
}

tls_step tls_session::outcome(int returned, std::size_t bytes) {
    const int cause = errno;
    if (wire_.bare_records > most_bare_records) {
        const auto why = static_cast<int>(ERR_PACK(ERR_LIB_SSL, 0, SSL_R_EXCESSIVE_MESSAGE_SIZE));
        return {tls_need::nothing, {{why, asio::error::get_ssl_category()}}};
    }
    switch (::SSL_get_error(tls_.get(), returned)) {
        case SSL_ERROR_NONE: return {tls_need::nothing, {{}, bytes}};
        case SSL_ERROR_WANT_READ: return {tls_need::input};
        case SSL_ERROR_WANT_WRITE: return {tls_need::output};
        case SSL_ERROR_ZERO_RETURN: return {tls_need::nothing, {asio::error::eof}};
        default: break;
    }
    if (const auto why = static_cast<int>(::ERR_get_error()))
        return {tls_need::nothing, {{why, asio::error::get_ssl_category()}}};
    if (cause == 0) return {tls_need::nothing, {asio::error::eof}};
    return {tls_need::nothing, {{cause, boost::system::system_category()}}};
}

tls_step tls_session::handshake() {
    begin_step();
    return outcome(::SSL_do_handshake(tls_.get()));
}

tls_step tls_session::read(asio::mutable_buffer into) {
    begin_step();
    std::size_t n = 0;
    const int returned = ::SSL_read_ex(tls_.get(), into.data(), into.size(), &n);
    if (returned == 1 && wire_.bare_records > 0) --wire_.bare_records;
    return outcome(returned, n);
}

tls_step tls_session::write(asio::const_buffer from) {
    begin_step();
    std::size_t n = 0;
    const int returned = ::SSL_write_ex(tls_.get(), from.data(), from.size(), &n);
    return outcome(returned, n);
}

/// As if the peer had said it too: who still sends must not be waited for here.
tls_step tls_session::finish() {
    begin_step();
    ::SSL_set_shutdown(tls_.get(), ::SSL_get_shutdown(tls_.get()) | SSL_RECEIVED_SHUTDOWN);
    return outcome(::SSL_shutdown(tls_.get()));
}

std::size_t tls_session::memory() const {
    if (!::SSL_is_init_finished(tls_.get())) return 0;
    return bytes_of_session + (has_part_of_record() ? bytes_of_record : 0) +
           (SSL_want_write(tls_.get()) ? bytes_of_record : 0);
}

bool tls_session::has_part_of_record() const { return ::SSL_has_pending(tls_.get()) == 1; }

bool tls_session::is_quiet() {
    char byte;
    std::size_t n = 0;
    do {
        begin_step();
        const int returned = ::SSL_peek_ex(tls_.get(), &byte, 1, &n);
        if (outcome(returned, n).needs != tls_need::input) return false;
    } while (has_something(wire_.socket));
    return !has_part_of_record();
}

bool is_refusal(const boost::system::error_code& failed) {
    return failed.category() == asio::error::get_ssl_category();
}

}  // namespace components
