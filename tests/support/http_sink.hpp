// A destination that counts its requests and its open connections.
#pragma once

#include "tests/support/event_loop.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace support {

class http_sink {
public:
    using request = boost::beast::http::request<boost::beast::http::string_body>;
    struct answer {
        int status = 200;
        supe::duration after{};
        std::vector<std::pair<std::string, std::string>> headers{};
    };

    /// Listens on a port that no connection of this machine gets (free_port), so that it can listen
    /// there again. `decide` answers each request (default: 200 at once).
    explicit http_sink(event_loop& loop, std::function<answer(const request&)> decide = {});
    ~http_sink();

    unsigned short port() const { return port_; }
    std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
    /// Connections that were accepted, and that both sides have not closed yet.
    std::size_t open() const { return connections_.size(); }
    std::size_t most_open() const { return most_open_; }
    /// Requests in order of arrival.
    const std::vector<request>& received() const { return received_; }

    /// Ends its connections, and refuses others until listen() is called.
    void go_down();
    void listen();

private:
    supe::awaitable<> accept();
    supe::awaitable<> serve(boost::asio::ip::tcp::socket socket);

    event_loop& loop_;
    supe::nursery tasks_;
    std::function<answer(const request&)> decide_;
    std::unique_ptr<boost::asio::ip::tcp::acceptor> acceptor_;
    const unsigned short port_;
    std::set<boost::asio::ip::tcp::socket*> connections_;
    std::size_t most_open_ = 0;
    std::vector<request> received_;
};

}  // namespace support
