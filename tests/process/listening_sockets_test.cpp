// Shows that listening sockets are open, exclusive, and gone at the end (contract §5 `listen`).
#include "supe/process/listening_sockets.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <optional>

namespace fs = std::filesystem;
using sockets = supe::listening_sockets_of_child;
using supe::unique_fd;
using addresses = std::vector<std::string>;

namespace {

struct scratch {
    fs::path directory;
    scratch() {
        std::string name = (fs::temp_directory_path() / "supe-listen-XXXXXX").string();
        BOOST_REQUIRE(::mkdtemp(name.data()));
        directory = name;
    }
    ~scratch() { fs::remove_all(directory); }
    std::string file(const char* name) const { return (directory / name).string(); }
};

std::string error_of(const addresses& texts, const fs::path& directory = "/") {
    try {
        const sockets opened(texts, directory);
        return "(opened)";
    } catch (const supe::listen_error& error) {
        return error.what();
    }
}

bool connects(std::uint16_t port) {
    const unique_fd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return ::connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
}

bool connects(const std::string& path) {
    const unique_fd client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    return ::connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
}

/// Leaves the file of a socket without a listener, as a killed process does.
void leave_stale_socket(const std::string& path) {
    const unique_fd dead(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    BOOST_REQUIRE(::bind(dead.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
}

std::uint16_t port_of(const std::string& address) {
    return static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
}

/// Without a value on a machine without IPv6.
std::optional<sockets> loopback_v6() {
    try {
        return sockets({"[::1]:0"}, "/");
    } catch (const supe::listen_error&) {
        return std::nullopt;
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(listening_sockets)

// Each address is open for connections before any child runs, in the order of the tree file, with
// its actual port.
BOOST_AUTO_TEST_CASE(opens_in_order) {
    const scratch tmp;
    const sockets opened({"127.0.0.1:0", "unix:web.sock", "localhost:0"}, tmp.directory);
    const auto where = opened.addresses();
    BOOST_REQUIRE(where.size() == 3u);
    BOOST_REQUIRE(opened.descriptors().size() == 3u);
    BOOST_TEST(where[0].starts_with("127.0.0.1:"));
    BOOST_TEST(port_of(where[0]) != 0);
    BOOST_TEST(where[1] == "unix:" + tmp.file("web.sock"));
    BOOST_TEST(where[2].starts_with("127.0.0.1:"));
    BOOST_TEST(connects(port_of(where[0])));
    BOOST_TEST(connects(tmp.file("web.sock")));
    BOOST_TEST(connects(port_of(where[2])));
    if (const auto v6 = loopback_v6()) BOOST_TEST(v6->addresses().at(0).starts_with("[::1]:"));
}

// As systemd's they are blocking, and close-on-exec until the launcher passes them to their child.
BOOST_AUTO_TEST_CASE(blocking_and_close_on_exec) {
    const scratch tmp;
    const sockets opened({"127.0.0.1:0", "unix:web.sock"}, tmp.directory);
    for (const int fd : opened.descriptors()) {
        BOOST_TEST((::fcntl(fd, F_GETFL) & O_NONBLOCK) == 0);
        BOOST_TEST((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    }
}

// An error has the address and errno's text; the first failure closes the sockets before it.
BOOST_AUTO_TEST_CASE(errors_name_the_address) {
    const sockets first({"127.0.0.1:0"}, "/");
    const auto taken = first.addresses().at(0);
    BOOST_TEST(error_of({taken}) == taken + ": Address already in use");
    BOOST_TEST(error_of({"192.0.2.1:0"}) == "192.0.2.1:0: Cannot assign requested address");

    const scratch tmp;
    BOOST_TEST(error_of({"unix:web.sock", taken}, tmp.directory) ==
               taken + ": Address already in use");
    BOOST_TEST(!fs::exists(tmp.file("web.sock")));
    BOOST_TEST(error_of({"unix:none/web.sock"}, tmp.directory) ==
               "unix:" + tmp.file("none/web.sock") + ": No such file or directory");
    const std::string path(200, 'x');
    BOOST_TEST(error_of({"unix:" + path}) ==
               "unix:/" + path + ": the path has 201 bytes, at most 107 are allowed");
}

// The socket file of a dead process is replaced; a socket with a listener, or another file, is not
// touched.
BOOST_AUTO_TEST_CASE(only_stale_socket_files_are_replaced) {
    const scratch tmp;
    leave_stale_socket(tmp.file("stale.sock"));
    BOOST_TEST(!connects(tmp.file("stale.sock")));
    const sockets opened({"unix:stale.sock"}, tmp.directory);
    BOOST_TEST(connects(tmp.file("stale.sock")));

    BOOST_TEST(error_of({"unix:stale.sock"}, tmp.directory) ==
               "unix:" + tmp.file("stale.sock") + ": Address already in use");
    BOOST_TEST(connects(tmp.file("stale.sock")));

    std::ofstream(tmp.file("notes.txt")) << "mine";
    BOOST_TEST(error_of({"unix:notes.txt"}, tmp.directory) ==
               "unix:" + tmp.file("notes.txt") + ": the file exists and is not a socket");
    BOOST_TEST(fs::file_size(tmp.file("notes.txt")) == 4u);
}

// Every user that may search the directory may connect, whatever our umask is.
BOOST_AUTO_TEST_CASE(unix_sockets_are_open_to_everyone) {
    const scratch tmp;
    const auto before = ::umask(077);
    const sockets opened({"unix:web.sock"}, tmp.directory);
    ::umask(before);
    struct stat found{};
    BOOST_REQUIRE(::stat(tmp.file("web.sock").c_str(), &found) == 0);
    BOOST_TEST((found.st_mode & 0777) == 0666u);
}

// In place of earlier ones: those with the same address are the same sockets, the others are new,
// and what is left of the earlier ones is closed.
BOOST_AUTO_TEST_CASE(in_place_of_others) {
    const scratch tmp;
    sockets before({"127.0.0.1:0", "unix:web.sock", "unix:old.sock"}, tmp.directory);
    const auto old = before.descriptors();
    const sockets now({"unix:new.sock", "unix:./web.sock", "127.0.0.1:0"}, tmp.directory, &before);
    BOOST_TEST(now.descriptors().at(1) == old.at(1));
    BOOST_TEST(now.descriptors().at(2) == old.at(0));
    BOOST_TEST(connects(tmp.file("new.sock")));
    BOOST_TEST(connects(tmp.file("web.sock")));
    before = sockets();
    BOOST_TEST(connects(tmp.file("web.sock")));
    BOOST_TEST(!fs::exists(tmp.file("old.sock")));
}

// Where one cannot be opened, the earlier ones are as they were.
BOOST_AUTO_TEST_CASE(not_in_place_of_others) {
    const scratch tmp;
    const sockets other({"127.0.0.1:0"}, "/");
    sockets before({"unix:web.sock", "127.0.0.1:0"}, tmp.directory);
    const auto old = before.descriptors();
    BOOST_CHECK_THROW(sockets({"unix:web.sock", "unix:new.sock", other.addresses().at(0)},
                              tmp.directory, &before),
                      supe::listen_error);
    BOOST_TEST(before.descriptors() == old, boost::test_tools::per_element());
    BOOST_TEST(connects(tmp.file("web.sock")));
    BOOST_TEST(!fs::exists(tmp.file("new.sock")));
}

// All addresses in place of one, and the reverse, with the same port. Nobody else gets the port
// meanwhile or afterwards.
BOOST_AUTO_TEST_CASE(other_address_same_port) {
    const std::string port = std::to_string(port_of(sockets({"127.0.0.1:0"}, "/").addresses()[0]));
    const std::string one = "127.0.0.1:" + port;
    for (const std::string& all : {":" + port, "0.0.0.0:" + port}) {
        for (const auto& [from, to] : {std::pair{one, all}, {all, one}}) {
            sockets before({from}, "/");
            const sockets now({to}, "/", &before);
            BOOST_TEST(error_of({one}) == one + ": Address already in use");
            before = sockets();
            BOOST_TEST(connects(port_of(one)));
            BOOST_TEST(error_of({to}) == to + ": Address already in use");
        }
    }
}

// At the end the sockets are closed and their files removed, but not a file that another process
// has put there since.
BOOST_AUTO_TEST_CASE(nothing_is_left) {
    const scratch tmp;
    std::string address;
    {
        sockets opened({"127.0.0.1:0", "unix:web.sock", "unix:other.sock"}, tmp.directory);
        const sockets moved(std::move(opened));
        BOOST_TEST(connects(tmp.file("web.sock")));
        address = moved.addresses().at(0);
        fs::remove(tmp.file("other.sock"));
        std::ofstream(tmp.file("other.sock")) << "somebody else's";
    }
    BOOST_TEST(!connects(port_of(address)));
    BOOST_TEST(!fs::exists(tmp.file("web.sock")));
    BOOST_TEST(fs::exists(tmp.file("other.sock")));
}

BOOST_AUTO_TEST_SUITE_END()
