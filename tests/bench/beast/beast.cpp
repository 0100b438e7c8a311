// The floors of HTTP here: Beast on one thread.
//
//     bench_beast PORT         answers 200 and nothing else: the floor of every HTTP server, and
//                              the destination of deliveries. It accepts what our own server
//                              accepts (any body, keep-alive), and sends the same answer, from a
//                              text that is made once. GET answers `COUNT P50 P95`: the requests
//                              so far, and the time in us from one to the next of a connection.
//     bench_beast PORT FILE    answers 200 after the request is in FILE and fsync has returned: the
//                              floor of intake. Whatever has arrived goes into one commit.
#include "components/queue/store_schema.hpp"
#include "supe/async/nursery.hpp"
#include "supe/storage/sqlite_file.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using request = http::request<http::string_body>;

constexpr auto as_result = asio::as_tuple(supe::use_awaitable);
constexpr std::string_view answer =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nConnection: "
    "keep-alive\r\n\r\nkept\n";

/// How long a connection waited for its next request, in steps of 10 us, up to 1 s.
class tally {
public:
    void add(supe::duration gap) {
        const auto step = std::chrono::duration_cast<std::chrono::microseconds>(gap).count() / 10;
        ++steps_[std::min(static_cast<std::size_t>(step), steps_.size() - 1)];
    }
    void count() { ++requests_; }
    std::string answer() const {
        const std::string text = std::to_string(requests_) + " " + std::to_string(at(0.5)) + " " +
                                 std::to_string(at(0.95)) + "\n";
        return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(text.size()) + "\r\n\r\n" +
               text;
    }

private:
    /// Microseconds.
    std::uint64_t at(double share) const {
        std::uint64_t all = 0, below = 0;
        for (const std::uint32_t n : steps_) all += n;
        for (std::size_t step = 0; step < steps_.size(); ++step)
            if (below += steps_[step]; double(below) >= share * double(all)) return step * 10;
        return 0;
    }
    std::uint64_t requests_ = 0;
    std::vector<std::uint32_t> steps_ = std::vector<std::uint32_t>(100'000);
};

supe::sqlite_format floor_format() {
    supe::sqlite_format f = components::queue_format();
    f.upgrade = nullptr;
    f.schema =
        "CREATE TABLE IF NOT EXISTS webhooks (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT "
        "NULL UNIQUE, text BLOB NOT NULL)";
    return f;
}

/// The file of the floor of intake: SQLite as the relay's queue opens it.
class durable {
public:
    durable(supe::clock& c, const std::string& file)
        : clock_(c), file_(file, floor_format()), arrived_(c) {}

    /// Until the request is on disk.
    supe::awaitable<> keep(std::string text) {
        supe::timer kept(clock_);
        waiting_.push_back({std::move(text), &kept});
        arrived_.notify();
        co_await kept.wait();
    }
    supe::awaitable<> commit_all() {
        for (;;) {
            if (waiting_.empty()) co_await arrived_.wait();
            for (std::size_t n = 0; n != waiting_.size();) {
                n = waiting_.size();
                co_await asio::post(clock_.executor(), supe::use_awaitable);
            }
            commit();
        }
    }

private:
    struct waiter {
        std::string text;
        supe::timer* kept;
    };
    void commit() {
        file_.begin();
        for (const waiter& w : waiting_) {
            auto& s = file_.prepared(insert_, "INSERT INTO webhooks (id, text) VALUES (?, ?)");
            std::string id = std::to_string(++last_);
            s.bind(1, std::string(26 - id.size(), '0') + id);
            s.bind(2, static_cast<const void*>(w.text.data()), static_cast<int>(w.text.size()));
            s.exec();
        }
        file_.commit();
        for (const waiter& w : std::exchange(waiting_, {})) w.kept->notify();
    }
    supe::clock& clock_;
    supe::sqlite_file file_;
    std::unique_ptr<SQLite::Statement> insert_;
    std::vector<waiter> waiting_;
    supe::timer arrived_;
    std::uint64_t last_ = 0;
};

/// All that is needed to deliver it as it came.
std::string kept_text(const request& r) {
    std::string text;
    text.reserve(512 + r.body().size());
    const auto add = [&text](auto part) { text.append(part.data(), part.size()); };
    add(r.method_string());
    text += ' ';
    add(r.target());
    text += "\r\n";
    for (const auto& field : r) {
        add(field.name_string());
        text += ": ";
        add(field.value());
        text += "\r\n";
    }
    return text += r.body();
}

struct server {
    supe::clock& clock;
    tally counted{};
    std::unique_ptr<durable> file{};
};

supe::awaitable<> talk(server& s, tcp::socket socket) {
    beast::flat_buffer buffer;
    buffer.reserve(64 << 10);  // a request is read at once
    for (supe::time_point last{};;) {
        request r;
        const auto [cut, read] = co_await http::async_read(socket, buffer, r, as_result);
        if (cut) co_return;
        std::string figures;
        if (r.method() == http::verb::get) {
            figures = s.counted.answer();
        } else {
            const supe::time_point now = s.clock.now();
            if (last != supe::time_point()) s.counted.add(now - last);
            last = now;
            s.counted.count();
            if (s.file) co_await s.file->keep(kept_text(r));
        }
        const auto text = asio::buffer(figures.empty() ? answer : std::string_view(figures));
        const auto [gone, written] = co_await asio::async_write(socket, text, as_result);
        if (gone) co_return;
    }
}

supe::awaitable<> serve(server& s, tcp::endpoint at) {
    supe::nursery connections(s.clock);
    if (s.file) connections.start(s.file->commit_all());
    tcp::acceptor acceptor(s.clock.executor(), at);
    for (;;) {
        tcp::socket socket = co_await acceptor.async_accept(supe::use_awaitable);
        socket.set_option(tcp::no_delay(true));
        connections.start(talk(s, std::move(socket)));
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2 && argc != 3) return 2;
    const auto port = static_cast<std::uint16_t>(std::atoi(argv[1]));
    asio::io_context context(1);
    supe::real_clock clock(context.get_executor());
    server s{clock};
    if (argc == 3) s.file = std::make_unique<durable>(clock, argv[2]);
    auto served = asio::co_spawn(context, serve(s, {asio::ip::address_v4::loopback(), port}),
                                 asio::use_future);
    context.run();
    served.get();
}
