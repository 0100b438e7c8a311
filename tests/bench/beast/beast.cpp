// The floors of HTTP here: Beast on one thread.
//
//     bench_beast PORT         answers 200 and nothing else: the floor of every HTTP server, and
//                              the destination of deliveries. It accepts what our own server
//                              accepts (any body, keep-alive), and sends the same answer, from a
//                              text that is made once. GET answers `COUNT P50 P95`: the requests
//                              so far, and the time in us from one to the next of a connection.
//     bench_beast PORT FILE    answers 200 after the request is in FILE and fsync has returned: the
//                              floor of intake. Whatever has arrived goes into one commit.
//     bench_beast PORT FILE two    the same with the file in a process of its own, which gets the
//                              requests over a socket: what it costs that one of the two may die
//                              alone.
#include "components/queue/store_schema.hpp"
#include "supe/async/nursery.hpp"
#include "supe/storage/sqlite_file.hpp"

#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <stdexcept>
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

    void add(std::string text) {
        waiting_.push_back(std::move(text));
        arrived_.notify();
    }
    /// How many are on disk now, the first ones of those that were not.
    supe::awaitable<std::uint32_t> commit_some() {
        while (waiting_.empty()) co_await arrived_.wait();
        for (std::size_t n = 0; n != waiting_.size();) {
            n = waiting_.size();
            co_await asio::post(clock_.executor(), supe::use_awaitable);
        }
        file_.begin();
        for (const std::string& text : waiting_) insert(text);
        file_.commit();
        co_return static_cast<std::uint32_t>(std::exchange(waiting_, {}).size());
    }

private:
    void insert(const std::string& text) {
        auto& s = file_.prepared(insert_, "INSERT INTO webhooks (id, text) VALUES (?, ?)");
        std::string id = std::to_string(++last_);
        s.bind(1, std::string(26 - id.size(), '0') + id);
        s.bind(2, static_cast<const void*>(text.data()), static_cast<int>(text.size()));
        s.exec();
    }
    supe::clock& clock_;
    supe::sqlite_file file_;
    std::unique_ptr<SQLite::Statement> insert_;
    std::vector<std::string> waiting_;
    supe::timer arrived_;
    std::uint64_t last_ = 0;
};

/// Those whose requests are not on disk yet, in their order.
class senders {
public:
    explicit senders(supe::clock& c) : clock_(c) {}
    supe::awaitable<> wait() {
        supe::timer kept(clock_);
        waiting_.push_back(&kept);
        co_await kept.wait();
    }
    void wake(std::uint32_t n) {
        for (; n > 0; --n) {
            waiting_.front()->notify();
            waiting_.pop_front();
        }
    }

private:
    supe::clock& clock_;
    std::deque<supe::timer*> waiting_;
};

/// Where requests are kept.
class keeper {
public:
    virtual ~keeper() = default;
    /// Until the request is on disk.
    virtual supe::awaitable<> keep(std::string text) = 0;
    virtual void run(supe::nursery& tasks) = 0;
};

class kept_here : public keeper {
public:
    kept_here(supe::clock& c, const std::string& file) : file_(c, file), senders_(c) {}
    supe::awaitable<> keep(std::string text) override {
        file_.add(std::move(text));
        co_await senders_.wait();
    }
    void run(supe::nursery& tasks) override { tasks.start(commit_all()); }

private:
    supe::awaitable<> commit_all() {
        for (;;) senders_.wake(co_await file_.commit_some());
    }
    durable file_;
    senders senders_;
};

/// A request on the socket: the bytes of its text, and the text. Back comes how many more are kept.
class kept_elsewhere : public keeper {
public:
    kept_elsewhere(supe::clock& c, int socket)
        : socket_(c.executor(), asio::local::stream_protocol(), socket), senders_(c), filled_(c) {}
    supe::awaitable<> keep(std::string text) override {
        const auto size = static_cast<std::uint32_t>(text.size());
        out_.append(reinterpret_cast<const char*>(&size), sizeof size);
        out_ += text;
        filled_.notify();
        co_await senders_.wait();
    }
    void run(supe::nursery& tasks) override {
        tasks.start(write_all());
        tasks.start(read_all());
    }

private:
    supe::awaitable<> write_all() {
        for (;;) {
            while (out_.empty()) co_await filled_.wait();
            const std::string all = std::exchange(out_, {});
            co_await asio::async_write(socket_, asio::buffer(all), supe::use_awaitable);
        }
    }
    supe::awaitable<> read_all() {
        for (std::uint32_t n = 0;;) {
            co_await asio::async_read(socket_, asio::buffer(&n, sizeof n), supe::use_awaitable);
            senders_.wake(n);
        }
    }
    asio::local::stream_protocol::socket socket_;
    senders senders_;
    std::string out_;
    supe::timer filled_;
};

/// The other end of kept_elsewhere.
class far_file {
public:
    far_file(supe::clock& c, const std::string& file, int socket)
        : file_(c, file), socket_(c.executor(), asio::local::stream_protocol(), socket) {}
    supe::awaitable<> read_all() {
        constexpr std::size_t head = sizeof(std::uint32_t);
        std::string in;
        for (std::vector<char> some(256 << 10);;) {
            const std::size_t n =
                co_await socket_.async_read_some(asio::buffer(some), supe::use_awaitable);
            in.append(some.data(), n);
            std::size_t at = 0;
            for (std::uint32_t size = 0; in.size() - at >= head; at += head + size) {
                std::memcpy(&size, in.data() + at, head);
                if (in.size() - at - head < size) break;
                file_.add(in.substr(at + head, size));
            }
            in.erase(0, at);
        }
    }
    supe::awaitable<> commit_all() {
        for (;;) {
            const std::uint32_t n = co_await file_.commit_some();
            co_await asio::async_write(socket_, asio::buffer(&n, sizeof n), supe::use_awaitable);
        }
    }

private:
    durable file_;
    asio::local::stream_protocol::socket socket_;
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
    std::unique_ptr<keeper> kept{};
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
            if (s.kept) co_await s.kept->keep(kept_text(r));
        }
        const auto text = asio::buffer(figures.empty() ? answer : std::string_view(figures));
        const auto [gone, written] = co_await asio::async_write(socket, text, as_result);
        if (gone) co_return;
    }
}

supe::awaitable<> serve(server& s, tcp::endpoint at) {
    supe::nursery connections(s.clock);
    if (s.kept) s.kept->run(connections);
    tcp::acceptor acceptor(s.clock.executor(), at);
    for (;;) {
        tcp::socket socket = co_await acceptor.async_accept(supe::use_awaitable);
        socket.set_option(tcp::no_delay(true));
        connections.start(talk(s, std::move(socket)));
    }
}

supe::awaitable<> serve_file(far_file& file, supe::clock& clock) {
    const auto both = [&](supe::nursery& tasks) -> supe::awaitable<> {
        tasks.start(file.commit_all());
        co_await file.read_all();
    };
    co_await supe::with_nursery(clock, both);
}

/// Runs until it throws: the process ends with that.
void run(asio::io_context& context, supe::awaitable<> body) {
    auto done = asio::co_spawn(context, std::move(body), asio::use_future);
    context.run();
    done.get();
}

/// A process of its own for the file. Returns the socket to it.
int start_file(const std::string& name) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        throw std::runtime_error("socketpair");
    if (::fork() != 0) {
        ::close(ends[1]);
        return ends[0];
    }
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::close(ends[0]);
    asio::io_context context(1);
    supe::real_clock clock(context.get_executor());
    far_file file(clock, name, ends[1]);
    run(context, serve_file(file, clock));
    std::_Exit(0);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2 || argc > 4) return 2;
    const auto port = static_cast<std::uint16_t>(std::atoi(argv[1]));
    const int elsewhere = argc == 4 ? start_file(argv[2]) : -1;
    asio::io_context context(1);
    supe::real_clock clock(context.get_executor());
    server s{clock};
    if (argc == 3) s.kept = std::make_unique<kept_here>(clock, argv[2]);
    if (argc == 4) s.kept = std::make_unique<kept_elsewhere>(clock, elsewhere);
    run(context, serve(s, {asio::ip::address_v4::loopback(), port}));
}
