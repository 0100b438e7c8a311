#include "components/admin/tree_status.hpp"

#include "supe/async/unique_fd.hpp"
#include "supe/component/state_path.hpp"
#include "supe/storage/private_socket.hpp"
#include "supe/text/json_value.hpp"

#include <fcntl.h>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/write.hpp>
#include <boost/json/object.hpp>

namespace components {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;
using local_socket = asio::basic_stream_socket<asio::local::stream_protocol, supe::loop_executor>;

constexpr std::size_t longest_answer = 16 << 20;

/// The first line that is not empty: empty ones say that the tree works on it.
supe::awaitable<std::string> read_answer(local_socket& socket) {
    std::string text;
    std::array<char, 16384> part;
    for (;;) {
        while (text.starts_with('\n')) text.erase(0, 1);
        if (const auto end = text.find('\n'); end != text.npos) co_return text.substr(0, end);
        if (text.size() > longest_answer) throw std::runtime_error("the status is too long");
        const std::size_t n =
            co_await socket.async_read_some(asio::buffer(part), supe::use_awaitable);
        text.append(part.data(), n);
    }
}

}  // namespace

supe::awaitable<json::value> tree_status(supe::component& self) {
    const auto state = supe::in_state(".");
    const supe::unique_fd directory(::open(state.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!directory) throw std::runtime_error("there is no state directory");
    local_socket socket(self.time().executor());
    const asio::local::stream_protocol::endpoint place(
        supe::short_path(directory.get(), "control.sock"));
    co_await socket.async_connect(place, supe::use_awaitable);
    const std::string request = "{\"do\":\"status\",\"address\":\"/\"}\n";
    co_await asio::async_write(socket, asio::buffer(request), supe::use_awaitable);
    const std::string line = co_await read_answer(socket);
    json::object answer = supe::parse_object(line);
    json::value* status = answer.if_contains("ok");
    if (!status) throw std::runtime_error("the tree does not say its status");
    co_return std::move(*status);
}

}  // namespace components
