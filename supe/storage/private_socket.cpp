#include "supe/storage/private_socket.hpp"

#include "supe/async/awaitable.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <boost/asio/local/stream_protocol.hpp>
#include <cerrno>

namespace supe {
namespace {

constexpr int socket_kind = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;

unique_fd directory_of(const std::filesystem::path& file) {
    const auto directory = file.has_parent_path() ? file.parent_path() : ".";
    return unique_fd(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
}

asio::local::stream_protocol::endpoint address_in(const unique_fd& directory,
                                                  const std::string& name) {
    return asio::local::stream_protocol::endpoint(short_path(directory.get(), name));
}

}  // namespace

std::string short_path(int directory_fd, const std::string& name) {
    return fmt::format("/proc/self/fd/{}/{}", directory_fd, name);
}

unique_fd listen_private(const std::filesystem::path& file) {
    const auto failed = [&](int number) {
        return system_error(error_code(number, boost::system::system_category()), file.string());
    };
    const unique_fd directory = directory_of(file);
    if (!directory) throw failed(errno);
    const std::string name = file.filename().string(), fresh = name + ".new";
    ::unlinkat(directory.get(), fresh.c_str(), 0);
    unique_fd fd(::socket(AF_UNIX, socket_kind, 0));
    const auto address = address_in(directory, fresh);
    // The mode that bind gives the file, so that nobody else can connect even for a moment.
    ::fchmod(fd.get(), 0600);
    // Under another name first: one that is there listens.
    if (::bind(fd.get(), address.data(), static_cast<socklen_t>(address.size())) != 0 ||
        ::listen(fd.get(), 64) != 0 || ::fchmodat(directory.get(), fresh.c_str(), 0600, 0) != 0 ||
        ::renameat(directory.get(), fresh.c_str(), directory.get(), name.c_str()) != 0)
        throw failed(errno);
    return fd;
}

unique_fd connect_private(const std::filesystem::path& file) {
    const unique_fd directory = directory_of(file);
    if (!directory) return {};
    unique_fd fd(::socket(AF_UNIX, socket_kind, 0));
    const auto address = address_in(directory, file.filename().string());
    if (!fd || ::connect(fd.get(), address.data(), static_cast<socklen_t>(address.size())) != 0)
        return {};
    return fd;
}

bool is_of_our_user(int connection) {
    ucred peer{};
    socklen_t size = sizeof peer;
    return ::getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
           (peer.uid == ::geteuid() || peer.uid == 0);
}

}  // namespace supe
