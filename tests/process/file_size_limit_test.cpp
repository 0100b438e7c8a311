// A limit on the size of files (ulimit -f), as some service managers set it: a line in the log, and
// no death.
#include "tests/support/files.hpp"
#include "tests/support/operator_session.hpp"
#include "tests/support/raw_client.hpp"
#include "tests/support/running_relay.hpp"

#include <fmt/format.h>
#include <boost/test/unit_test.hpp>
#include <csignal>

using support::operator_session;

namespace {

/// `supe WORDS`, with files of at most `kib` KiB.
std::unique_ptr<support::command> begin_limited(unsigned kib, const std::string& words) {
    support::command_setup setup;
    setup.words = {"bash", "-c",
                   fmt::format("ulimit -f {}; exec '{}' {}", kib, SUPE_BINARY, words)};
    return std::make_unique<support::command>(std::move(setup));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(file_size_limit)

// Neither the kept output nor our stdout takes what does not fit: supervision and commands go on. A
// child has the limit too, and the signal of it, as a program expects.
BOOST_AUTO_TEST_CASE(of_a_tree) {
    const operator_session d;
    const std::string tree =
        support::write_file(d.file("tree.json"),
                            R"({"name": "t", "mail": {"journal": true}, "children": [
            {"name": "writer", "command": ["sh", "-c", "head -c 200000 /dev/zero > big; echo ended $?; exec sleep 1000"]},
            {"name": "web", "command": ["sh", "-c", "while ! test -e go; do sleep 0.01; done; i=0; while test $i -lt 3000; do echo $i a line that fills the files of the output; i=$((i+1)); done; exec sleep 1000"]}]})");
    const auto root = begin_limited(64, fmt::format("run '{}' --state '{}'", tree, d.state()));
    BOOST_TEST(support::until([&] { return d.is_up(); }), root->err());
    // 153: 128 and SIGXFSZ.
    BOOST_TEST(support::until(
        [&] { return root->out().find("[writer] ended 153\n") != std::string::npos; }));
    support::write_file(d.file("go"), "");
    BOOST_TEST(support::until([&] { return root->out().size() == 64u << 10; }));
    const pid_t web = d.pid_of("web");
    ::kill(web, SIGKILL);
    BOOST_TEST(support::until([&] { return d.pid_of("web") != web && d.pid_of("web") != 0; }));
    BOOST_TEST(support::until(
        [&] { return d.ask({"logs", "web"}).out.find("] 2999 a line") != std::string::npos; }));
    BOOST_TEST(d.ask({"mail", "web", "\"small\""}).code == 0);
    BOOST_TEST(!root->has_ended());
    root->signal(SIGTERM);
    BOOST_TEST(root->wait() == 0, root->err());
}

// The relay answers 503 where a webhook does not fit into its file, and none of its processes dies.
BOOST_FIXTURE_TEST_CASE(of_the_relay, support::event_loop) {
    const operator_session d;
    const unsigned short port = support::free_port();
    const auto root = begin_limited(
        512, fmt::format("relay --to http://127.0.0.1:9 --listen 127.0.0.1:{} --state '{}'", port,
                         d.state()));
    BOOST_TEST(d.reaches("/http_server", "running"), root->err());
    const std::string body(30000, 'x');
    const auto answer = [&] {
        support::raw_client client(*this, port);
        client.say(fmt::format("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{}",
                               body.size(), body));
        return client.receive("\r\n");
    };
    const pid_t queue = d.pid_of("/dam/queue");
    std::string last;
    int stored = 0;
    while ((last = answer()).starts_with("HTTP/1.1 200") && stored < 100) ++stored;
    BOOST_TEST(stored > 0);
    BOOST_TEST(last.starts_with("HTTP/1.1 503"), last);
    BOOST_TEST(d.pid_of("/dam/queue") == queue);
    BOOST_TEST(!root->has_ended());
    root->signal(SIGTERM);
    BOOST_TEST(root->wait() == 0, root->err());
}

BOOST_AUTO_TEST_SUITE_END()
