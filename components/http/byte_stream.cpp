#include "components/http/byte_stream.hpp"

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>

namespace components {
namespace {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;

ssl::context& system_cas() {
    static ssl::context context = [] {
        ssl::context c(ssl::context::tls_client);
        c.set_default_verify_paths();
        c.set_verify_mode(ssl::verify_peer);
        return c;
    }();
    return context;
}

class plain_stream final : public byte_stream {
public:
    explicit plain_stream(supe::loop_executor executor) : socket_(executor) {}

    tcp_socket& socket() override { return socket_; }
    supe::awaitable<boost::system::error_code> handshake() override {
        co_return boost::system::error_code();
    }
    supe::awaitable<transfer> read_some(asio::mutable_buffer into) override {
        const auto [failed, n] = co_await socket_.async_read_some(into, as_result);
        co_return transfer{failed, n};
    }
    supe::awaitable<transfer> write_some(std::array<asio::const_buffer, 2> from) override {
        const auto [failed, n] = co_await socket_.async_write_some(from, as_result);
        co_return transfer{failed, n};
    }
    supe::awaitable<> finish() override { co_return; }

private:
    tcp_socket socket_;
};

class tls_stream final : public byte_stream {
public:
    tls_stream(supe::loop_executor executor, std::string host)
        : host_(std::move(host)), stream_(executor, system_cas()) {}

    tcp_socket& socket() override { return stream_.next_layer(); }
    supe::awaitable<boost::system::error_code> handshake() override {
        boost::system::error_code is_name;  // an address does not belong into SNI (RFC 6066 §3)
        asio::ip::make_address(host_, is_name);
        if (is_name && ::SSL_set_tlsext_host_name(stream_.native_handle(), host_.c_str()) != 1)
            co_return asio::error::invalid_argument;
        stream_.set_verify_callback(ssl::host_name_verification(host_));
        const auto [failed] = co_await stream_.async_handshake(ssl::stream_base::client, as_result);
        co_return failed;
    }
    supe::awaitable<transfer> read_some(asio::mutable_buffer into) override {
        const auto [failed, n] = co_await stream_.async_read_some(into, as_result);
        co_return transfer{failed, n};
    }
    /// Of the first buffer that is not empty.
    supe::awaitable<transfer> write_some(std::array<asio::const_buffer, 2> from) override {
        const asio::const_buffer first = from[0].size() > 0 ? from[0] : from[1];
        const auto [failed, n] = co_await stream_.async_write_some(first, as_result);
        co_return transfer{failed, n};
    }
    supe::awaitable<> finish() override { co_await stream_.async_shutdown(as_result); }

private:
    std::string host_;
    ssl::stream<tcp_socket> stream_;
};

}  // namespace

std::unique_ptr<byte_stream> byte_stream::make_plain(supe::loop_executor executor) {
    return std::make_unique<plain_stream>(executor);
}

std::unique_ptr<byte_stream> byte_stream::make_tls(supe::loop_executor executor, std::string host) {
    return std::make_unique<tls_stream>(executor, std::move(host));
}

}  // namespace components
