// The floor of every HTTP server here: Beast on one thread, answering 200 and nothing else.
// `bench_beast PORT`. It accepts what our own server accepts (any body, keep-alive), and sends the
// same answer, from a text that is made once.
#include "supe/async/nursery.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cstdlib>
#include <string_view>

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

constexpr auto as_result = asio::as_tuple(supe::use_awaitable);
constexpr std::string_view answer =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nConnection: "
    "keep-alive\r\n\r\nkept\n";

supe::awaitable<> talk(tcp::socket socket) {
    beast::flat_buffer buffer;
    buffer.reserve(64 << 10);  // a request is read at once
    for (;;) {
        http::request<http::string_body> request;
        const auto [cut, read] = co_await http::async_read(socket, buffer, request, as_result);
        if (cut) co_return;
        const auto [gone, written] =
            co_await asio::async_write(socket, asio::buffer(answer), as_result);
        if (gone) co_return;
    }
}

supe::awaitable<> serve(supe::clock& clock, tcp::endpoint at) {
    supe::nursery connections(clock);
    tcp::acceptor acceptor(clock.executor(), at);
    for (;;) {
        tcp::socket socket = co_await acceptor.async_accept(supe::use_awaitable);
        socket.set_option(tcp::no_delay(true));
        connections.start(talk(std::move(socket)));
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    const auto port = static_cast<std::uint16_t>(std::atoi(argv[1]));
    asio::io_context context(1);
    supe::real_clock clock(context.get_executor());
    auto served = asio::co_spawn(context, serve(clock, {asio::ip::address_v4::loopback(), port}),
                                 asio::use_future);
    context.run();
    served.get();
}
