// The relay on a disk of its own that others fill to the last byte.
#include "tests/support/command.hpp"
#include "tests/support/http_sink.hpp"
#include "tests/support/needs.hpp"
#include "tests/support/program.hpp"
#include "tests/support/raw_client.hpp"
#include "tests/support/running_relay.hpp"
#include "tests/support/temporary_directory.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <fstream>
#include <optional>
#include <set>

using namespace std::chrono_literals;

namespace {

/// A disk in memory can be mounted, where nobody else sees it.
boost::unit_test::precondition needs_a_disk() {
    const bool can = std::system("unshare -m mount -t tmpfs none /mnt 2>/dev/null") == 0;
    return support::unless(can ? std::vector<std::string>{}
                               : std::vector<std::string>{"right to mount a disk in memory"});
}

/// Writes until nothing more goes in.
void fill(const std::filesystem::path& file) {
    const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    for (const std::string block(4096, 'x'); ::write(fd, block.data(), block.size()) > 0;);
    ::close(fd);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(full_disk, *needs_a_disk())

// New webhooks are refused, and those that were accepted are delivered, each once. When there is
// room again, all goes on.
BOOST_AUTO_TEST_CASE(goes_on_delivering) {
    support::event_loop loop;
    support::temporary_directory directory;
    bool down = true;
    support::http_sink app(loop, [&](const support::http_sink::request&) {
        return support::http_sink::answer{down ? 503 : 200};
    });
    const unsigned short port = support::free_port();
    std::ofstream(directory / "relay.json") << fmt::format(
        R"({{"to": "{}", "listen": "127.0.0.1:{}", "disk_reserve": "1MiB"}})", app.url(), port);
    std::filesystem::create_directory(directory / "state");
    support::program relay(
        loop,
        {"unshare", "-m", "sh", "-c",
         R"(mount -t tmpfs -o size=100m,mode=700 none "$1" && exec "$0" relay "$2" --state "$1")",
         SUPE_BINARY, (directory / "state").string(), (directory / "relay.json").string()});
    BOOST_REQUIRE(relay.prints("are kept in "));
    const auto seen = [&](const char* name) {
        return fmt::format("/proc/{}/root{}/{}", relay.pid(), (directory / "state").string(), name);
    };
    std::optional<support::raw_client> connected;
    const auto connects = [&] {
        try {
            connected.emplace(loop, port);
        } catch (const std::exception&) {
            return false;
        }
        return true;
    };
    BOOST_REQUIRE(loop.until(connects, 20s));
    support::raw_client& sender = *connected;
    const auto post = [&] {
        const std::string body(1000, 'b');
        sender.say(fmt::format("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n{}",
                               body.size(), body));
        const std::string head = sender.receive("\r\n\r\n");  // behind the body of the last one
        const auto status = head.find("HTTP/1.1 ");
        return status == head.npos ? std::string() : head.substr(status + 9, 3);
    };
    constexpr std::size_t accepted = 2000;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < accepted; ++i) kept += post() == "200" ? 1 : 0;
    BOOST_TEST(kept == accepted);
    BOOST_TEST(std::filesystem::exists(seen("queue.db.ballast")));

    fill(seen("others"));
    BOOST_TEST(post() == "503");
    down = false;
    const auto delivered = [&] {
        std::set<std::string> ids;
        for (const auto& r : app.received()) ids.insert(std::string(r["Supe-Webhook-Id"]));
        return ids.size();
    };
    BOOST_TEST(loop.until(
        [&] { return app.received().size() >= accepted && delivered() == accepted; }, 60s));

    std::filesystem::remove(seen("others"));
    BOOST_TEST(loop.until([&] { return post() == "200"; }, 20s));
    BOOST_TEST(loop.until([&] { return std::filesystem::exists(seen("queue.db.ballast")); }, 20s));
    relay.signal(SIGTERM);
    BOOST_TEST(relay.wait().value_or(-1) == 0);
}

// `supe doctor` says of each disk what helps there.
BOOST_AUTO_TEST_CASE(ways_out) {
    const auto examine = [](const std::string& prepare) {
        support::command_setup setup;
        setup.words = {"unshare", "-m", "sh", "-c",
                       prepare + " && " + SUPE_BINARY + " doctor --state /mnt/relay"};
        return support::run(std::move(setup));
    };
    const support::result full = examine(
        "mount -t tmpfs -o size=256k none /mnt && ! head -c 1M /dev/zero 2>/dev/null >/mnt/x");
    BOOST_TEST(full.code == 1);
    BOOST_TEST(full.out.starts_with("warning  disk         /mnt: No space left on device\n"),
               full.out);
    BOOST_TEST(full.out.find("to do: free space there") != std::string::npos, full.out);
    const support::result read_only = examine("mount -t tmpfs -o ro none /mnt");
    BOOST_TEST(read_only.code == 1);
    BOOST_TEST(read_only.out.starts_with("warning  disk         /mnt: Read-only file system\n"),
               read_only.out);
    BOOST_TEST(read_only.out.find("to do: mount that disk for writing") != std::string::npos,
               read_only.out);
}

BOOST_AUTO_TEST_SUITE_END()
