// The mail of a child that was given up, in files of the state directory. Simulated children, real
// files.
#include "tests/support/players.hpp"
#include "tests/support/temporary_directory.hpp"

#include <sys/stat.h>
#include <boost/json/parse.hpp>
#include <boost/test/unit_test.hpp>
#include <fstream>

using support::player_world;

namespace {

const char* const tree =
    R"({"name": "t", "children": [{"name": "a", "component": "stubborn", "max_restarts": 0}]})";

/// The file that the latest excessive-crash names; empty for null.
std::string named_file(const player_world& w) {
    const auto notice = boost::json::parse(w.messages("a-excessive-crash").back());
    return notice.at("mailbox").is_null() ? "" : std::string(notice.at("mailbox").as_string());
}

std::vector<std::string> lines_of(const std::string& file) {
    std::ifstream in(file);
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(saved_mailbox)

// The notice names the file, which holds each mail and is nobody else's to read; the mail itself
// stays, too.
BOOST_AUTO_TEST_CASE(is_a_copy) {
    const support::temporary_directory directory;
    player_world w(tree, 1, directory.path());
    w.mail("/a", R"({"n":1})");
    w.mail("/a", R"({"n":2})");
    w.crash("/a");
    const auto file = named_file(w);
    BOOST_TEST(file == (directory.path() / "mailboxes/a.1.jsonl").string());
    BOOST_TEST(lines_of(file).size() == 2u);
    BOOST_TEST(boost::json::parse(lines_of(file).at(1)).at("msg") ==
               boost::json::parse(R"({"n":2})"));
    struct stat about{};
    BOOST_TEST(::stat(file.c_str(), &about) == 0);
    BOOST_TEST((about.st_mode & 0777) == 0600u);
    BOOST_TEST(w.root().entry_of(*w.root().find("a")).mail.box.queued() == 2u);
}

// The next time is another file: the earlier one may be the only copy by now.
BOOST_AUTO_TEST_CASE(does_not_touch_an_earlier_one) {
    const support::temporary_directory directory;
    player_world w(tree, 1, directory.path());
    w.mail("/a", "1");
    w.crash("/a");
    const auto first = named_file(w);
    BOOST_TEST(w.by_hand(w.root().admin().start("a")) == "");
    w.crash("/a");
    BOOST_TEST(named_file(w) != first);
    BOOST_TEST(lines_of(first).size() == 1u);
}

// Nothing to save is nothing saved; a directory that takes no file is no reason to fail.
BOOST_AUTO_TEST_CASE(nothing_saved) {
    const support::temporary_directory directory;
    player_world w(tree, 1, directory.path());
    w.crash("/a");
    BOOST_TEST(named_file(w) == "");
    player_world nowhere(tree, 1, "/proc/no-such-directory");
    nowhere.mail("/a", "1");
    nowhere.crash("/a");
    BOOST_TEST(named_file(nowhere) == "");
}

BOOST_AUTO_TEST_SUITE_END()
