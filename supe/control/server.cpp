#include "supe/control/server.hpp"

#include "supe/async/queue.hpp"
#include "supe/channel/json_text.hpp"
#include "supe/channel/json_value.hpp"

#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/json/serialize.hpp>
#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>

namespace supe::control {
namespace {

namespace json = boost::json;

constexpr std::size_t request_limit = 17u << 20;   // bytes: a mail of the frame limit, with its envelope
constexpr std::size_t connection_limit = 64;
constexpr std::size_t unread_notices = 10000;      // of one client; one that is slower is let go

asio::local::stream_protocol::acceptor listen_in(const std::filesystem::path& state, asio::any_io_executor executor) {
    const unique_fd directory(::open(state.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!directory) throw system_error(error_code(errno, boost::system::system_category()), state.string());
    ::unlinkat(directory.get(), "control.sock.new", 0);
    unique_fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const asio::local::stream_protocol::endpoint place(short_path(directory.get(), "control.sock.new"));
    ::fchmod(fd.get(), 0600);  // the mode that bind gives the file: nobody else can connect even for a moment
    // Under another name first: whoever sees control.sock finds somebody listening behind it.
    if (::bind(fd.get(), place.data(), static_cast<socklen_t>(place.size())) != 0 || ::listen(fd.get(), 64) != 0 ||
        ::fchmodat(directory.get(), "control.sock.new", 0600, 0) != 0 ||
        ::renameat(directory.get(), "control.sock.new", directory.get(), "control.sock") != 0) {
        throw system_error(error_code(errno, boost::system::system_category()), (state / "control.sock").string());
    }
    return {executor, asio::local::stream_protocol(), fd.release()};
}

bool is_allowed(int fd) {
    ucred peer{};
    socklen_t size = sizeof peer;
    return ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && (peer.uid == ::geteuid() || peer.uid == 0);
}

std::string now_text(clock& time) {
    const auto now = std::chrono::time_point_cast<std::chrono::milliseconds>(time.wall());
    const auto seconds = std::chrono::time_point_cast<std::chrono::seconds>(now);
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)),
                       (now - seconds).count());
}

}  // namespace

std::string short_path(int directory_fd, const std::string& name) {
    return fmt::format("/proc/self/fd/{}/{}", directory_fd, name);
}

server::server(supervisor& s, std::filesystem::path state)
    : supervisor_(s), commands_(s), state_(std::move(state)), acceptor_(listen_in(state_, s.time().executor())),
      connections_(s.time()) {}

server::~server() {
    std::error_code ignored;
    std::filesystem::remove(state_ / "control.sock", ignored);
}

awaitable<> server::run() {
    for (;;) {
        error_code failed;
        socket peer = co_await acceptor_.async_accept(asio::redirect_error(asio::use_awaitable, failed));
        if (failed) {
            co_await supervisor_.time().sleep_for(100ms);  // out of descriptors: later, perhaps
        } else if (connections_.size() < connection_limit && is_allowed(peer.native_handle())) {
            connections_.start(serve(std::move(peer)));
        }
    }
}

/// A connection is a client's alone: what goes wrong in it ends it, and nothing else.
awaitable<> server::serve(socket peer) {
    try {
        std::string text;
        co_await asio::async_read_until(peer, asio::dynamic_buffer(text, request_limit), '\n', asio::use_awaitable);
        auto request = parse_json(std::string_view(text).substr(0, text.find('\n')));
        if (!request || !request->is_object()) request = json::object();
        co_await answer(peer, std::move(request->get_object()));
    } catch (const system_error& e) {
        if (e.code() == asio::error::operation_aborted) throw;
    }
}

awaitable<> server::answer(socket& peer, json::object request) {
    if (request.contains("do") && request.at("do") == "notices") {
        co_await stream_notices(peer, std::move(request));
        co_return;
    }
    const json::value result = co_await commands_.perform(std::move(request));
    const std::string line = json::serialize(result) + "\n";
    co_await asio::async_write(peer, asio::buffer(line), asio::use_awaitable);
}

awaitable<> server::stream_notices(socket& peer, json::object request) {
    std::vector<std::string> names;
    if (const auto* wanted = request.if_contains("names"); wanted && wanted->is_array()) {
        for (const json::value& name : wanted->get_array()) {
            if (name.is_string()) names.emplace_back(name.get_string());
        }
    }
    const bool fresh_only = request.contains("fresh");
    queue<std::string> lines(supervisor_.time(), unread_notices);
    bool listening = false;
    const auto on_notice = [&](const published& n) {
        if (fresh_only && !listening) return;
        const std::string line = fmt::format("{{\"at\":\"{}\",\"notice\":{},\"message\":{},\"source\":{}}}\n",
                                             now_text(supervisor_.time()), json_quoted(n.name),
                                             n.message.empty() ? "null" : n.message, json_quoted(n.source));
        if (!lines.try_push(line)) lines.close();
    };
    struct subscription {
        supervisor& s;
        std::uint64_t id;
        ~subscription() { s.stop_listening(id); }
    } subscribed{supervisor_, supervisor_.listen(std::move(names), on_notice)};
    listening = true;
    // An empty line says that the watch stands, so that a client can act after it and miss nothing.
    const std::string standing = "\n";
    co_await asio::async_write(peer, asio::buffer(standing), asio::use_awaitable);
    while (auto line = co_await lines.pop()) co_await asio::async_write(peer, asio::buffer(*line), asio::use_awaitable);
}

}  // namespace supe::control
