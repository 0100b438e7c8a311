// Shows that `supe conformance` passes the clients of patterns/clients, and that each of its checks
// finds a fault: the client in Perl, with one fault each. (The clients in Python and Node:
// python_test.cpp, client_in_node_test.cpp.)
#include "tests/support/conformance.hpp"
#include "tests/support/left_processes.hpp"

#include <boost/json/parse.hpp>

namespace {

struct fault {
    const char* check;  // that finds it
    const char* right;  // a text of the client …
    const char* wrong;  // … and what stands in its place
    const char* seen;   // what the check says
};

constexpr auto ack = R"(signal('ACK-CURRENT-MAIL', qq({"ids":[$id]}));)";
constexpr auto reads = "while (my $frame = <$in>) {";
constexpr auto last = R"(} elsif ($frame =~ /"signal":"SUPE-SHUTDOWN"/) {
        last;)";

const std::vector<fault> faults{
    {"takes-mail", "{\"window\":8}", "{\"window\":0}", "the window is not a whole number from 1"},
    {"acknowledges", ack, R"(signal('ACK-CURRENT-MAIL', qq({"ids":[$id]})) for 1, 2;)",
     "which is not in flight: it had acknowledged it before"},
    {"config", reads, "while (my $frame = <$in>) { die if $frame =~ /SUPE-START/;",
     "its channel ended before"},
    {"replies", "handle($from, $msg);", R"(signal('ACK-CURRENT-MAIL', qq({"ids":[$id]}));
        handle($from, $msg); next;)",
     "acknowledged before its reply"},
    {"values", R"("msg":$1})", R"("msg":[$1]})", "came back as ["},
    {"window", reads, "my $n = 0; while (my $frame = <$in>) { exit if ++$n > 50;",
     "its channel ended before"},
    {"redelivery", "handle($from, $msg);", R"(handle($from, $msg) unless $frame =~ /"attempt":2/;)",
     "acknowledged and not handled"},
    {"pause", ack, R"(ready() if $msg =~ /pause/; signal('ACK-CURRENT-MAIL', qq({"ids":[$id]}));)",
     "the order was"},
    {"unknown-frames", last, "} else { last;", "its channel ended before"},
    {"torn-frames", reads, "while (sysread($in, my $frame, 65536)) { exit if $frame !~ /^{\"type/;",
     "its channel ended before"},
    {"big-frames", reads, "while (my $frame = <$in>) { exit if length($frame) > 1 << 20;",
     "its channel ended before"},
    {"shutdown", last, R"(} elsif ($frame =~ /"signal":"SUPE-SHUTDOWN"/) { exit 3;)",
     "it ended with exit code 3, not with 0"},
    {"shutdown-in-hand", last, R"(} elsif ($frame =~ /"signal":"SUPE-SHUTDOWN"/) { kill 9, $$;)",
     "it ended with SIGKILL, not with 0"},
};

std::string perl_client() { return support::read_file(support::client("client.pl")); }

}  // namespace

BOOST_AUTO_TEST_SUITE(conformance)

BOOST_AUTO_TEST_CASE(perl) { support::expect_conformance({"perl", support::client("client.pl")}); }

BOOST_AUTO_TEST_CASE(bash) { support::expect_conformance({"bash", support::client("client.sh")}); }

// Each check fails for a component with its fault, says what it saw, and ends the command with 1.
BOOST_AUTO_TEST_CASE(each_check_finds_its_fault) {
    const support::temporary_directory directory;
    for (const fault& f : faults) {
        std::string text = perl_client();
        const auto at = text.find(f.right);
        BOOST_REQUIRE_MESSAGE(at != text.npos, f.check << ": " << f.right);
        text.replace(at, std::string_view(f.right).size(), f.wrong);
        const auto file = support::write_file(directory / "faulty.pl", text);
        const auto answer = support::examine({"--json", "--only", f.check}, {"perl", file});
        BOOST_TEST(answer.code == 1, f.check << answer.err);
        const auto check = boost::json::parse(answer.out).at("checks").at(0);
        BOOST_TEST(check.at("check") == f.check);
        BOOST_TEST(check.at("result") == "failed");
        const std::string seen(check.at("seen").as_string());
        BOOST_TEST(seen.find(f.seen) != seen.npos, f.check << ": " << seen);
    }
}

// What cannot be examined is said at once, and the rest is not tried. The end of its stderr is
// shown below the check.
BOOST_AUTO_TEST_CASE(hopeless) {
    const auto ended = support::examine({}, {"sh", "-c", "echo oh no >&2"});
    BOOST_TEST(ended.code == 1);
    BOOST_TEST(ended.out.starts_with("FAILED     takes-mail"), ended.out);
    BOOST_TEST(ended.out.find("           stderr: oh no\n") != std::string::npos, ended.out);
    BOOST_TEST(ended.out.ends_with("\n0 of 13 checks passed\n"), ended.out);
    const auto missing = support::examine({}, {"/no/such/component"});
    BOOST_TEST(missing.out.find("it cannot be started: /no/such/component: No such file") !=
               std::string::npos);
}

// What a component leaves behind is ended with it, whatever it did to get away: two forks, a
// session of its own, no environment.
BOOST_AUTO_TEST_CASE(leaves_nothing_behind) {
    const support::temporary_directory directory;
    const std::string folder = directory.path();
    constexpr auto component = R"sh("$0" | {
        read one; read other; read up
        echo "$one $other $up" > "$SUPE_TEST_FOLDER/said"
        echo '{"type":"signal","signal":"READY-TO-RECEIVE-MAIL"}' >&3
        cat <&3
    })sh";
    const auto answer =
        support::examine({"--only", "takes-mail"},
                         {"env", "SUPE_TEST_ROLE=daemons", "SUPE_TEST_DAEMONS=one unmarked",
                          "SUPE_TEST_FOLDER=" + folder, "sh", "-c", component,
                          std::filesystem::read_symlink("/proc/self/exe").string()});
    BOOST_TEST(answer.code == 0, answer.out << answer.err);
    const std::string said = support::read_file(directory / "said");
    BOOST_TEST(said.find("unmarked") != std::string::npos, said);
    BOOST_TEST(!support::daemon_lives(folder, "one"));
    BOOST_TEST(!support::daemon_lives(folder, "unmarked"));
}

// An unknown name of a check is bad usage, answered with the names.
BOOST_AUTO_TEST_CASE(unknown_check) {
    const auto answer = support::examine({"--only", "speed"}, {"true"});
    BOOST_TEST(answer.code == 2);
    BOOST_TEST(answer.err.starts_with("supe: --only: \"speed\" is none of takes-mail, "));
}

BOOST_AUTO_TEST_SUITE_END()
