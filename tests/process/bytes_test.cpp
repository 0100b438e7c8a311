// Bodies of any bytes, and frames of full size, between real processes.
#include "supe/channel/frame.hpp"
#include "supe/text/json_text.hpp"
#include "tests/support/operator_session.hpp"

#include <fmt/format.h>
#include <boost/test/unit_test.hpp>
#include <csignal>

namespace {

std::string child(const std::string& name, const std::string& config) {
    return fmt::format(R"({{"name": "{}", "command": [{}], "config": {}}})", name,
                       supe::json_quoted(SUPE_BYTES_CHILD), config);
}

/// Sends a mail whose frame has `frame` bytes, then the mail 1, and stays.
std::string speaker(const std::string& name, const std::string& to, std::size_t frame) {
    const std::string head = fmt::format(R"({{"type":"mail","to":"{}","msg":")", to);
    const std::string script = fmt::format(
        R"(( printf %s '{}'; head -c {} /dev/zero | tr '\0' x; printf '"}}\n%s1}}\n' '{}' ) >&3; exec sleep 1000)",
        head, frame - head.size() - 2, head.substr(0, head.size() - 1));
    return fmt::format(R"({{"name": "{}", "shutdown": "kill", "command": ["sh", "-c", {}]}})", name,
                       supe::json_quoted(script));
}

struct fixture {
    support::operator_session session;
    std::unique_ptr<support::command> tree;

    void run(const std::string& children) {
        tree = session.run_tree(R"({"name": "t", "children": [)" + children + "]}");
    }
    bool prints(const std::string& line) const {
        return support::until(
            [&] { return ("\n" + tree->out()).find("\n" + line + "\n") != std::string::npos; });
    }
    void stop() {
        tree->signal(SIGTERM);
        BOOST_TEST(tree->wait() == 0);
    }
};

const std::string measure = R"({"part": "measure"})";

}  // namespace

BOOST_FIXTURE_TEST_SUITE(bytes, fixture)

// An empty body, one byte, all bytes, and 10 MiB come back unchanged, from a sibling and from below
// a nested supervisor.
BOOST_AUTO_TEST_CASE(come_back) {
    const std::string echo = child("echo", R"({"part": "echo"})");
    run(fmt::format(R"({0}, {{"name": "n", "children": [{0}]}}, {1})", echo,
                    child("check", R"({"part": "check", "to": ["echo", "/n/echo"]})")));
    for (const char* to : {"echo", "/n/echo"})
        for (const std::size_t size : {0, 1, 256 << 13, 10 << 20})
            BOOST_TEST(prints(fmt::format("[check] {} bytes to {} and back: the same", size, to)));
    stop();
}

// A frame of exactly 16 MiB arrives at a sibling and below a nested supervisor, although its
// delivery is longer.
BOOST_AUTO_TEST_CASE(frames_of_full_size) {
    constexpr std::size_t full = supe::default_frame_limit;
    run(fmt::format(R"({0}, {{"name": "n", "children": [{0}]}}, {1}, {2})", child("m", measure),
                    speaker("a", "m", full), speaker("b", "/n/m", full)));
    BOOST_TEST(prints(fmt::format(
        "[m] {} bytes", full - std::string_view(R"({"type":"mail","to":"m","msg":})").size())));
    BOOST_TEST(prints(
        fmt::format("[/n/m] {} bytes",
                    full - std::string_view(R"({"type":"mail","to":"/n/m","msg":})").size())));
    BOOST_TEST(prints("[m] 1 bytes"));
    BOOST_TEST(prints("[/n/m] 1 bytes"));
    stop();
}

// A frame with one byte more is dropped and reported; the frame behind it arrives.
BOOST_AUTO_TEST_CASE(a_frame_one_byte_too_long) {
    run(child("m", measure) + ", " + speaker("a", "m", supe::default_frame_limit + 1));
    BOOST_TEST(prints("[m] 1 bytes"));
    const auto notices =
        session.begin({"notices", "component-bad-frame", "--json", "--state", session.state()});
    BOOST_TEST(support::until([&] {
        return notices->out().find(
                   R"("message":{"name":"a","reason":"longer than 16777216 bytes","count":1})") !=
               std::string::npos;
    }));
    BOOST_TEST(tree->out().find("167") == std::string::npos);
    stop();
}

// A frame cut short by a crash is dropped and reported, after the whole frame before it has
// arrived.
BOOST_AUTO_TEST_CASE(a_frame_cut_short) {
    run(child("m", measure) + R"(, {"name": "a", "restart": "temporary", "command": ["sh", "-c",
        "printf '{\"type\":\"mail\",\"to\":\"m\",\"msg\":1}\\n{\"type\":\"mail\",\"to\":\"m\",\"msg\":\"cut' >&3; kill -9 $$"]})");
    BOOST_TEST(prints("[m] 1 bytes"));
    const auto notices =
        session.begin({"notices", "component-bad-frame", "--json", "--state", session.state()});
    BOOST_TEST(support::until([&] {
        return notices->out().find(
                   R"({"name":"a","reason":"cut short after 34 bytes by the end of the channel","count":1})") !=
               std::string::npos;
    }));
    BOOST_TEST(session.status("/m").at("mailbox").at("queued") == 0);
    stop();
}

BOOST_AUTO_TEST_SUITE_END()
