#include "tests/support/webhook_flood.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

namespace support {
namespace {

namespace http = boost::beast::http;
using boost::asio::ip::tcp;
using namespace std::chrono_literals;
constexpr auto as_result = boost::asio::as_tuple(supe::use_awaitable);
constexpr auto try_again = 5ms;

}  // namespace

webhook_flood::webhook_flood(event_loop& loop, unsigned short port, unsigned connections,
                             std::size_t body_size)
    : loop_(loop), tasks_(loop.time), port_(port), body_size_(body_size) {
    for (unsigned i = 0; i < connections; ++i) tasks_.start(post_all(i));
    running_ = connections;
}

webhook_flood::~webhook_flood() { loop_.end(tasks_); }

/// A body with every byte, and CRLF at its end as from SendGrid.
std::string webhook_flood::next_body(unsigned number) {
    std::string body = "webhook " + std::to_string(number) + "." + std::to_string(++serial_) + ":";
    while (body.size() < body_size_) body += static_cast<char>(body.size() * 7 + serial_);
    return body + "\r\n";
}

supe::awaitable<> webhook_flood::post_all(unsigned number) {
    while (!stopped_) {
        tcp::socket socket(loop_.io);
        const auto [failed] = co_await socket.async_connect(
            {boost::asio::ip::address_v4::loopback(), port_}, as_result);
        if (failed == boost::asio::error::connection_refused) ++refused_;
        bool open = !failed;
        while (open && !stopped_) {
            const std::string body = next_body(number);
            open = co_await post(socket, body);
        }
        if (!open) co_await loop_.time.sleep_for(try_again);
    }
    --running_;
}

supe::awaitable<bool> webhook_flood::post(tcp::socket& socket, const std::string& body) {
    http::request<http::string_body> request(http::verb::post,
                                             "/hooks/" + std::to_string(serial_) + "?a=b%20c", 11);
    request.set(http::field::host, "flood");
    request.set(http::field::content_type, "application/json");
    request.body() = body;
    sent_.insert(body);
    request.prepare_payload();
    co_await http::async_write(socket, request,
                               as_result);  // without a connection there is no answer
    boost::beast::flat_buffer buffer;
    http::response<http::string_body> reply;
    const auto [unread, m] = co_await http::async_read(socket, buffer, reply, as_result);
    ++answers_[unread ? 0 : static_cast<int>(reply.result_int())];
    if (!unread && reply.result() == http::status::ok) kept_.insert(body);
    co_return !unread && reply.keep_alive();
}

}  // namespace support
