#include "tests/support/http_sink.hpp"

#include "tests/support/free_port.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>

namespace support {
namespace {

namespace http = boost::beast::http;
using boost::asio::ip::tcp;
constexpr auto as_result = boost::asio::as_tuple(supe::use_awaitable);

}  // namespace

http_sink::http_sink(event_loop& loop, std::function<answer(const request&)> decide)
    : loop_(loop), tasks_(loop.time), decide_(std::move(decide)), port_(free_port()) {
    listen();
}

http_sink::~http_sink() {
    acceptor_->close();
    loop_.end(tasks_);
}

void http_sink::listen() {
    const tcp::endpoint address(boost::asio::ip::address_v4::loopback(), port_);
    acceptor_ = std::make_unique<tcp::acceptor>(loop_.io, address.protocol());
    acceptor_->set_option(tcp::acceptor::reuse_address(true));
    acceptor_->bind(address);
    acceptor_->listen();
    tasks_.start(accept());
}

void http_sink::go_down() {
    acceptor_->close();
    for (tcp::socket* socket : connections_) socket->close();
}

supe::awaitable<> http_sink::accept() {
    for (;;) {
        auto [failed, socket] = co_await acceptor_->async_accept(as_result);
        if (failed) co_return;
        tasks_.start(serve(std::move(socket)));
    }
}

supe::awaitable<> http_sink::serve(tcp::socket socket) {
    struct counted {
        std::set<tcp::socket*>& all;
        tcp::socket* one;
        ~counted() { all.erase(one); }
    } counts{connections_, &socket};
    connections_.insert(&socket);
    most_open_ = std::max(most_open_, open());
    boost::beast::flat_buffer buffer;
    for (;;) {
        request got;
        const auto [cut, n] = co_await http::async_read(socket, buffer, got, as_result);
        if (cut) co_return;
        const answer a = decide_ ? decide_(got) : answer{};
        if (a.after > supe::duration::zero()) co_await loop_.time.sleep_for(a.after);
        http::response<http::string_body> reply(
            http::int_to_status(static_cast<unsigned>(a.status)), 11, "ok\n");
        for (const auto& [name, value] : a.headers) reply.set(name, value);
        reply.keep_alive(got.keep_alive());
        reply.prepare_payload();
        received_.push_back(std::move(got));
        const auto [lost, sent] = co_await http::async_write(socket, reply, as_result);
        if (lost || !reply.keep_alive()) co_return;
    }
}

}  // namespace support
