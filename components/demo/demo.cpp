#include "components/demo/demo.hpp"

#include "components/http/connection.hpp"
#include "components/http/server.hpp"
#include "patterns/every.hpp"
#include "patterns/output.hpp"
#include "supe/text/config.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <random>

namespace components {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr const char* kinds[] = {"processed", "delivered", "open", "click", "bounce"};

/// Numbers that make a demo lively.
class chance {
public:
    unsigned below(unsigned n) { return std::uniform_int_distribution<unsigned>(0, n - 1)(dice_); }

private:
    std::mt19937_64 dice_{std::random_device{}()};
};

std::size_t events_in(const std::string& body) {
    boost::system::error_code bad;
    const json::value batch = json::parse(body, bad);
    return !bad && batch.is_array() ? batch.get_array().size() : 0;
}

struct app {
    supe::component& self;
    chance luck{};
    unsigned working = 0;
    std::size_t received = 0;
};

supe::awaitable<http_answer> answer_slowly(app& a, http_request request) {
    ++a.working;
    co_await a.self.time().sleep_for(std::chrono::milliseconds(100 + a.luck.below(700)));
    --a.working;
    const auto id = field(request.headers, "Supe-Webhook-Id").substr(20),
               attempt = field(request.headers, "Supe-Attempt");
    if (a.luck.below(6) == 0) {
        patterns::warn("…{} attempt {}: 503, something broke (it will come again)", id, attempt);
        co_return http_answer{503, "something broke\n", {}};
    }
    a.received += events_in(request.body);
    patterns::say("…{} attempt {}: {} events, {} so far; {} more in progress", id, attempt,
                  events_in(request.body), a.received, a.working);
    co_return http_answer{200, "thanks\n", {}};
}

std::string new_batch(chance& luck, std::uint64_t& serial, std::int64_t now) {
    json::array batch;
    for (unsigned i = 0, n = 1 + luck.below(20); i < n; ++i) {
        ++serial;
        batch.push_back({{"email", fmt::format("user{}@example.com", luck.below(1000))},
                         {"timestamp", now},
                         {"event", kinds[luck.below(std::size(kinds))]},
                         {"sg_event_id", fmt::format("demo-{}-{}", now, serial)},
                         {"sg_message_id", fmt::format("demo-message-{}", serial)}});
    }
    return json::serialize(batch) + "\r\n";
}

struct sender_settings {
    http_destination to;
    supe::milliseconds every = 700ms;
};

sender_settings sender_settings_in(const json::value& config) {
    sender_settings s;
    supe::read_config(config, {{"to", [&](auto& in, auto& x) { s.to = read_destination(in, x); }},
                               {"every", [&](auto& in, auto& x) { s.every = in.some_time(x); }}});
    if (s.to.host.empty()) throw supe::config_error("config: to is missing");
    return s;
}

/// One POST on a connection of its own.
supe::awaitable<http_reply> post(supe::clock& time, http_destination to, std::string body) {
    const std::string head = fmt::format(
        "POST {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: SendGrid Event API (demo)\r\n"
        "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        to.path, to.authority, body.size());
    http_reply reply;
    std::vector<std::string> peers = co_await http_connection::resolve(time, to, reply.error);
    http_connection connection(time, to);
    const supe::time_point open_by = time.now() + 10s;
    if (!peers.empty()) reply.error = co_await connection.connect(std::move(peers), open_by);
    if (reply.error.empty()) reply.error = co_await connection.secure(open_by);
    const exchange_limits limits{time.now() + 30s, 30s};
    if (reply.error.empty()) reply = co_await connection.exchange(head, body, limits);
    co_return reply;
}

}  // namespace

supe::awaitable<> demo_app(supe::component& self) {
    app a{self};
    const http_handler handler = [&a](http_request request) {
        return answer_slowly(a, std::move(request));
    };
    co_await serve_http(self, supe::listening_sockets(), http_limits{}, handler);
}

supe::awaitable<> demo_sender(supe::component& self) {
    const json::value config = co_await self.config();
    const sender_settings settings = sender_settings_in(config);
    chance luck;
    std::uint64_t serial = 0, kept = 0;
    std::string batch;
    patterns::every beat(self, settings.every);
    while (co_await beat.tick()) {
        if (batch.empty())
            batch =
                new_batch(luck, serial, std::chrono::system_clock::to_time_t(self.time().wall()));
        const http_reply reply = co_await post(self.time(), settings.to, batch);
        if (reply.status == 200) {
            patterns::say("posted a batch of {} events: 200, kept ({} batches so far)",
                          events_in(batch), ++kept);
            batch.clear();
        } else {
            patterns::warn("posted a batch of {} events: {}; again soon", events_in(batch),
                           reply.status ? std::to_string(reply.status) : reply.error);
        }
    }
}

unsigned short free_demo_port() {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    const bool found = ::bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                       ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
    ::close(fd);
    if (!found) throw std::runtime_error("no free port for the demo's app");
    return ntohs(address.sin_port);
}

}  // namespace components
