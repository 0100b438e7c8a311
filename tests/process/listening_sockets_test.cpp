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
#include <utility>

namespace fs = std::filesystem;
using sockets = supe::listening_sockets_of_child;
using supe::unique_fd;
using addresses = std::vector<std::string>;
using boost::test_tools::per_element;

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

std::shared_ptr<sockets> opened_in(const scratch& tmp, const addresses& texts) {
    return std::make_shared<sockets>(texts, tmp.directory);
}

supe::socket_claim claim(const scratch& tmp, addresses texts, std::shared_ptr<sockets> before) {
    return {.addresses = std::move(texts), .directory = tmp.directory, .before = std::move(before)};
}

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

/// Invalid when the connection is refused.
unique_fd connected(const std::string& path) {
    unique_fd client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    const int failed =
        ::connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
    return failed ? unique_fd() : std::move(client);
}

bool connects(const std::string& path) { return static_cast<bool>(connected(path)); }

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

// In place of earlier ones of the same child: those with the same address are the same sockets, the
// others are new, and what is left of the earlier ones is closed.
BOOST_AUTO_TEST_CASE(in_place_of_others) {
    const scratch tmp;
    auto before = opened_in(tmp, {"127.0.0.1:0", "unix:web.sock", "unix:old.sock"});
    const auto old = before->descriptors();
    supe::socket_claims claims;
    claims["web"] = claim(tmp, {"unix:new.sock", "unix:./web.sock", "127.0.0.1:0", "127.0.0.1:0"},
                          std::move(before));
    hand_over(claims);
    const auto now = claims["web"].now->descriptors();
    BOOST_TEST(now.at(1) == old.at(1));
    BOOST_TEST(now.at(2) == old.at(0));
    BOOST_TEST(connects(tmp.file("new.sock")));
    BOOST_TEST(connects(tmp.file("web.sock")));
    BOOST_TEST(!fs::exists(tmp.file("old.sock")));
}

// Two children exchange their addresses, a third one takes over from one that leaves, and only its
// own child keeps a port that the kernel chose. A client that waits to be accepted is not lost.
BOOST_AUTO_TEST_CASE(from_child_to_child) {
    const scratch tmp;
    const auto a = opened_in(tmp, {"127.0.0.1:0", "unix:a.sock"});
    const auto b = opened_in(tmp, {"127.0.0.1:0", "unix:b.sock"});
    const auto leaves = opened_in(tmp, {"unix:leaves.sock"});
    const auto waits = connected(tmp.file("a.sock"));
    supe::socket_claims claims;
    claims["a"] = claim(tmp, {b->addresses().at(0), "unix:b.sock"}, a);
    claims["b"] = claim(tmp, {a->addresses().at(0), "unix:a.sock"}, b);
    claims["c"] = claim(tmp, {"unix:leaves.sock", "127.0.0.1:0"}, nullptr);
    claims["leaves"] = claim(tmp, {}, leaves);
    hand_over(claims);
    BOOST_TEST(claims["a"].now->descriptors() == b->descriptors(), per_element());
    BOOST_TEST(claims["b"].now->descriptors() == a->descriptors(), per_element());
    BOOST_TEST(claims["c"].now->descriptors().at(0) == leaves->descriptors().at(0));
    BOOST_TEST(!claims["leaves"].now);
    const unique_fd accepted(::accept(claims["b"].now->descriptors().at(1), nullptr, nullptr));
    BOOST_TEST((waits && accepted));
    for (const auto& [child, claim] : claims) BOOST_TEST((claim.problem == "" && !claim.before));
}

// A socket is known by the address to which it is bound, not by the text that asked for it.
BOOST_AUTO_TEST_CASE(another_notation) {
    const auto takes_over = [](const std::string& first, const auto& text_of) {
        const scratch tmp;
        const auto before = opened_in(tmp, {first});
        supe::socket_claims claims;
        const std::string port = std::to_string(port_of(before->addresses().at(0)));
        claims["web"] = claim(tmp, {text_of(port)}, before);
        hand_over(claims);
        BOOST_REQUIRE_MESSAGE(claims["web"].now, claims["web"].problem);
        return claims["web"].now->descriptors() == before->descriptors();
    };
    const auto behind = [](const std::string& host) {
        return [host](const std::string& port) { return host + ":" + port; };
    };
    BOOST_TEST(takes_over("127.0.0.1:0", behind("127.0.0.1")));
    BOOST_TEST(takes_over("127.0.0.1:0", behind("localhost")));
    BOOST_TEST(!takes_over("127.0.0.1:0", behind("")));
    BOOST_TEST(!takes_over("127.0.0.1:0", behind("0.0.0.0")));
    if (!loopback_v6()) return;
    BOOST_TEST(takes_over("[::1]:0", behind("[0:0::1]")));
    std::ifstream default_of_linux("/proc/sys/net/ipv6/bindv6only");
    const bool is_alone = default_of_linux.get() == '1';
    BOOST_TEST(takes_over(":0", behind("[::]")) == !is_alone);
    BOOST_TEST(takes_over("[::]:0", behind("")) == !is_alone);
}

// Where one cannot be opened, that child keeps its sockets, and the others get theirs. One that
// asked for a socket which stays where it is fails too, and says who has it.
BOOST_AUTO_TEST_CASE(not_in_place_of_others) {
    const scratch tmp;
    const sockets other({"127.0.0.1:0"}, "/");
    const std::string taken = other.addresses().at(0);
    const auto a = opened_in(tmp, {"unix:a.sock", "127.0.0.1:0"});
    const auto b = opened_in(tmp, {"unix:b.sock"});
    supe::socket_claims claims;
    claims["a"] = claim(tmp, {"unix:a.sock", "unix:new.sock", taken}, a);
    claims["b"] = claim(tmp, {a->addresses().at(1)}, b);
    claims["c"] = claim(tmp, {"unix:b.sock"}, nullptr);
    claims["d"] = claim(tmp, {"unix:d.sock"}, nullptr);
    hand_over(claims);
    BOOST_TEST(claims["a"].problem == "a cannot listen on " + taken + ": Address already in use");
    BOOST_TEST(claims["b"].problem ==
               "b cannot listen on " + a->addresses().at(1) + ": a goes on as it was, and has it");
    BOOST_TEST(claims["c"].problem == "c cannot listen on unix:" + tmp.file("b.sock") +
                                          ": b goes on as it was, and has it");
    BOOST_TEST((claims["d"].now && claims["d"].problem.empty()));
    for (const char* child : {"a", "b", "c"}) BOOST_TEST(!claims[child].now);
    BOOST_TEST(connects(tmp.file("a.sock")));
    BOOST_TEST(connects(tmp.file("b.sock")));
    BOOST_TEST(connects(port_of(a->addresses().at(1))));
    BOOST_TEST(!fs::exists(tmp.file("new.sock")));
}

// All addresses in place of one, and the reverse, with the same port, by the same child or another
// one. Nobody else gets the port meanwhile or afterwards.
BOOST_AUTO_TEST_CASE(other_address_same_port) {
    const std::string port = std::to_string(port_of(sockets({"127.0.0.1:0"}, "/").addresses()[0]));
    const std::string one = "127.0.0.1:" + port;
    const scratch tmp;
    for (const std::string& all : {":" + port, "0.0.0.0:" + port}) {
        for (const auto& [from, to] : {std::pair{one, all}, {all, one}}) {
            for (const char* child : {"web", "another"}) {
                auto before = opened_in(tmp, {from});
                supe::socket_claims claims;
                claims["web"].before = before;
                claims[child].addresses = {to};
                hand_over(claims);
                BOOST_REQUIRE_MESSAGE(claims[child].now, claims[child].problem);
                BOOST_TEST(error_of({one}) == one + ": Address already in use");
                before.reset();
                BOOST_TEST(connects(port_of(one)));
                BOOST_TEST(error_of({to}) == to + ": Address already in use");
            }
        }
    }
}

// A socket that stays shares its port with nobody.
BOOST_AUTO_TEST_CASE(beside_one_that_stays) {
    const scratch tmp;
    const auto before = opened_in(tmp, {"0.0.0.0:0"});
    const std::string port = std::to_string(port_of(before->addresses().at(0)));
    supe::socket_claims claims;
    claims["web"] = claim(tmp, {"0.0.0.0:" + port, "127.0.0.1:" + port}, before);
    hand_over(claims);
    BOOST_TEST(claims["web"].problem ==
               "web cannot listen on 127.0.0.1:" + port + ": Address already in use");
}

// What the kernel refuses at a start is refused here too, although it remembers that sockets of
// ours shared the port when all of IPv6 took the place of 127.0.0.1.
BOOST_AUTO_TEST_CASE(one_that_overlaps_with_another) {
    if (!loopback_v6()) return;
    const scratch tmp;
    auto has = opened_in(tmp, {"127.0.0.1:0"});
    const std::string port = std::to_string(port_of(has->addresses().at(0)));
    const auto move = [&](const std::string& to, const addresses& of_another) {
        supe::socket_claims claims;
        claims["b"] = claim(tmp, {to}, std::exchange(has, nullptr));
        if (!of_another.empty()) claims["c"] = claim(tmp, of_another, nullptr);
        hand_over(claims);
        BOOST_REQUIRE_MESSAGE(claims["b"].now, claims["b"].problem);
        has = claims["b"].now;
        return claims["c"].problem;
    };
    move("[::]:" + port, {});
    BOOST_TEST(move("127.0.0.1:" + port, {"0.0.0.0:" + port}) ==
               "c cannot listen on 0.0.0.0:" + port + ": Address already in use");
    supe::socket_claims later;
    later["c"] = claim(tmp, {":" + port}, nullptr);
    hand_over(later, {has->all().front().get()});
    BOOST_TEST(later["c"].problem == "c cannot listen on :" + port + ": Address already in use");
}

// A unix socket whose file is gone is bound anew, and the file of somebody else stays.
BOOST_AUTO_TEST_CASE(a_file_that_is_gone) {
    const scratch tmp;
    auto before = opened_in(tmp, {"unix:web.sock", "127.0.0.1:0"});
    BOOST_TEST(before->are_in_place());
    fs::remove(tmp.file("web.sock"));
    BOOST_TEST(!before->are_in_place());
    std::ofstream(tmp.file("web.sock")) << "somebody else's";
    supe::socket_claims claims;
    claims["web"] = claim(tmp, {"unix:web.sock", "127.0.0.1:0"}, before);
    hand_over(claims);
    BOOST_TEST(claims["web"].problem == "web cannot listen on unix:" + tmp.file("web.sock") +
                                            ": the file exists and is not a socket");
    fs::remove(tmp.file("web.sock"));
    claims["web"] = claim(tmp, {"unix:web.sock", "127.0.0.1:0"}, before);
    hand_over(claims);
    BOOST_REQUIRE_MESSAGE(claims["web"].now, claims["web"].problem);
    BOOST_TEST(claims["web"].renewed == addresses{"unix:" + tmp.file("web.sock")}, per_element());
    BOOST_TEST(claims["web"].now->descriptors().at(1) == before->descriptors().at(1));
    before.reset();
    BOOST_TEST(claims["web"].now->are_in_place());
    BOOST_TEST(connects(tmp.file("web.sock")));
}

// A path that leads to another directory by now is another place, as after a deploy that switched a
// link. The old file goes with the old socket.
BOOST_AUTO_TEST_CASE(a_path_to_another_directory) {
    const scratch tmp;
    for (const char* release : {"r1", "r2"}) fs::create_directory(tmp.file(release));
    fs::create_symlink("r1", tmp.file("current"));
    auto before = opened_in(tmp, {"unix:current/web.sock"});
    BOOST_TEST(before->addresses().at(0) == "unix:" + tmp.file("r1/web.sock"));
    fs::remove(tmp.file("current"));
    fs::create_symlink("r2", tmp.file("current"));
    BOOST_TEST(!before->are_in_place());
    supe::socket_claims claims;
    claims["web"] = claim(tmp, {"unix:current/web.sock"}, std::exchange(before, nullptr));
    hand_over(claims);
    BOOST_REQUIRE_MESSAGE(claims["web"].now, claims["web"].problem);
    BOOST_TEST(claims["web"].renewed.size() == 1u);
    BOOST_TEST(connects(tmp.file("r2/web.sock")));
    BOOST_TEST(!fs::exists(tmp.file("r1/web.sock")));
}

// Two paths to one directory are one place: the socket stays, with its file.
BOOST_AUTO_TEST_CASE(another_path_to_the_directory) {
    const scratch tmp;
    fs::create_directory(tmp.file("run"));
    fs::create_symlink("run", tmp.file("var"));
    auto before = opened_in(tmp, {"unix:var/web.sock"});
    const auto old = before->descriptors();
    for (const char* child : {"web", "another"}) {
        supe::socket_claims claims;
        claims["web"] = claim(tmp, {}, std::exchange(before, nullptr));
        claims[child].addresses = {"unix:run/web.sock"};
        claims[child].directory = tmp.directory;
        hand_over(claims);
        BOOST_REQUIRE_MESSAGE(claims[child].now, claims[child].problem);
        BOOST_TEST(claims[child].now->descriptors() == old, per_element());
        BOOST_TEST(claims[child].renewed.empty());
        BOOST_TEST(connects(tmp.file("var/web.sock")));
        before = claims[child].now;
    }
}

// The decision alone: the same place is the same socket; port 0 is a socket that the same child got
// for port 0, if nobody asks for that very port; each is taken once.
BOOST_AUTO_TEST_CASE(who_takes_over) {
    using supe::held_place;
    using supe::wanted_place;
    const auto decide = [](const std::vector<wanted_place>& wanted,
                           const std::vector<held_place>& held) {
        std::string all;
        for (const auto& one : takeovers(wanted, held))
            all += one ? std::to_string(*one) + " " : "new ";
        return all;
    };
    const held_place x{"a", "h:1", "h:1"}, y{"b", "h:2", "h:2"}, z{"a", "h:50000", "h:0"};
    BOOST_TEST(decide({}, {x, y}) == "");
    BOOST_TEST(decide({{"a", "h:1"}, {"b", "h:2"}}, {}) == "new new ");
    BOOST_TEST(decide({{"a", "h:2"}, {"b", "h:1"}, {"c", "h:3"}}, {x, y}) == "1 0 new ");
    BOOST_TEST(decide({{"a", "h:1"}, {"b", "h:1"}}, {x}) == "0 new ");
    BOOST_TEST(decide({{"b", "h:0"}, {"a", "h:0"}, {"a", "h:0"}}, {z}) == "new 0 new ");
    BOOST_TEST(decide({{"a", "h:0"}, {"b", "h:50000"}}, {z}) == "new 0 ");
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
