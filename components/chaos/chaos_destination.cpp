#include "components/chaos/chaos_destination.hpp"

#include "components/webhook/webhook.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <charconv>
#include <optional>

namespace components {
namespace {

constexpr std::string_view path_before_number = "/chaos/";
constexpr std::size_t longest_request = 64 << 10;

std::optional<std::uint64_t> number_in(std::string_view text) {
    std::uint64_t n = 0;
    const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), n);
    const bool whole = bad == std::errc() && end == text.data() + text.size();
    return whole ? std::optional(n) : std::nullopt;
}

/// A request of the relay, which always says Content-Length.
struct whole_request {
    std::string_view target, body;
    std::size_t size = 0;
};
std::optional<whole_request> request_in(std::string_view text) {
    const auto head_end = text.find("\r\n\r\n");
    if (head_end == text.npos) return std::nullopt;
    whole_request found;
    std::string_view head = text.substr(0, head_end + 2);
    const auto first = head.find(' '), second = head.find(' ', first + 1);
    if (second != head.npos) found.target = head.substr(first + 1, second - first - 1);
    std::size_t length = 0;
    while (!head.empty()) {
        const std::string_view line = head.substr(0, head.find("\r\n"));
        const auto colon = std::min(line.find(':'), line.size());
        if (same_field(line.substr(0, colon), "Content-Length"))
            length = number_in(line.substr(std::min(colon + 2, line.size()))).value_or(0);
        head.remove_prefix(line.size() + 2);
    }
    found.size = head_end + 4 + length;
    if (text.size() < found.size) return std::nullopt;
    found.body = text.substr(head_end + 4, length);
    return found;
}

}  // namespace

chaos_destination::chaos_destination(supe::clock& time, chaos_ledger& ledger, std::uint64_t seed)
    : time_(time), ledger_(ledger),
      acceptor_(time.executor(), tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0)),
      port_(acceptor_.local_endpoint().port()), last_arrival_(time.now()), dice_(seed) {}

supe::awaitable<> chaos_destination::run() {
    const auto body = [this](supe::nursery& clients) { return accept_all(clients); };
    co_await supe::with_nursery(time_, body);
}

supe::awaitable<> chaos_destination::accept_all(supe::nursery& clients) {
    for (;;) {
        auto [failed, socket] = co_await acceptor_.async_accept(as_result);
        if (failed) throw supe::system_error(failed, "the destination of chaos");
        most_open_ = std::max(most_open_, ++open_);
        clients.start(serve(std::move(socket)));
    }
}

void chaos_destination::arrived(std::string_view target, std::string_view body) {
    const supe::time_point now = time_.now();
    longest_pause_ = std::max<supe::duration>(longest_pause_, now - last_arrival_);
    last_arrival_ = now;
    const bool is_ours = target.starts_with(path_before_number);
    const auto number =
        is_ours ? number_in(target.substr(path_before_number.size())) : std::nullopt;
    if (!number) return ledger_.deliver_unknown();
    ledger_.deliver(*number, body == chaos_body(*number));
}

supe::awaitable<> chaos_destination::serve(tcp_socket socket) {
    struct counted {
        std::size_t& open;
        ~counted() { --open; }
    } counts{open_};
    const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n";
    std::string text;
    std::string part(4096, '\0');
    while (text.size() < longest_request) {
        if (const auto request = request_in(text)) {
            arrived(request->target, request->body);
            text.erase(0, request->size);
            co_await time_.sleep_for(std::chrono::milliseconds(dice_() % 5));
            const auto [unsent, sent] =
                co_await boost::asio::async_write(socket, boost::asio::buffer(answer), as_result);
            if (unsent) co_return;
            continue;
        }
        const auto [failed, n] =
            co_await socket.async_read_some(boost::asio::buffer(part), as_result);
        if (failed) co_return;
        text.append(part, 0, n);
    }
}

}  // namespace components
