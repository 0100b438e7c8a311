// Senders of webhooks: each connection posts one webhook after the other, and records which were
// answered 200.
#pragma once

#include "tests/support/event_loop.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <map>
#include <set>
#include <string>

namespace support {

class webhook_flood {
public:
    webhook_flood(event_loop& loop, unsigned short port, unsigned connections,
                  std::size_t body_size = 600);
    ~webhook_flood();

    /// No further posts. The coroutine resumes when the posts under way are answered.
    void stop() { stopped_ = true; }
    bool is_over() const { return running_ == 0; }

    /// Bodies that were answered 200, and all that were ever sent.
    const std::set<std::string>& kept() const { return kept_; }
    const std::set<std::string>& sent() const { return sent_; }
    /// How often each status was answered; 0: the connection ended before an answer.
    const std::map<int, std::size_t>& answers() const { return answers_; }
    /// Connections that were refused.
    std::size_t refused() const { return refused_; }

private:
    supe::awaitable<> post_all(unsigned number);
    supe::awaitable<bool> post(boost::asio::ip::tcp::socket& socket, const std::string& body);
    std::string next_body(unsigned number);

    event_loop& loop_;
    supe::nursery tasks_;
    unsigned short port_;
    std::size_t body_size_;
    bool stopped_ = false;
    unsigned running_ = 0;
    std::size_t serial_ = 0;
    std::set<std::string> kept_, sent_;
    std::map<int, std::size_t> answers_;
    std::size_t refused_ = 0;
};

}  // namespace support
