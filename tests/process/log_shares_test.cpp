// Shows that each child has its share of the kept output: one that prints much pushes out neither
// the last lines of another one nor the supervisor's own log (contract §6).
#include "supe/output/log_files.hpp"
#include "tests/support/files.hpp"
#include "tests/support/operator_session.hpp"
#include "tests/support/text.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <boost/json/parse.hpp>
#include <boost/test/unit_test.hpp>
#include <csignal>

using namespace supe;
namespace fs = std::filesystem;
using support::until;

namespace {

constexpr log_limits small{
    .file_bytes = 2000, .files = 3, .share_bytes = 500, .shares_bytes = 3000};

void put(log_writer& w, std::string_view address, const std::string& line) {
    w.write("2026-01-31T12:00:00.000Z", address, stream::out, line);
    w.flush();
    if (w.has_work()) w.take_work()();
}

using lines = std::vector<std::string>;

/// The lines of one child that can be read now; of all where `address` is empty.
lines rest(log_reader& reader, const std::string& address = {}) {
    lines found;
    while (auto record = reader.next()) {
        const auto value = boost::json::parse(*record);
        if (address.empty() || value.at("address").as_string() == address.c_str())
            found.emplace_back(value.at("line").as_string());
    }
    return found;
}

lines lines_of(const fs::path& directory, const std::string& address) {
    log_reader reader(directory);
    return rest(reader, address);
}

std::size_t bytes_in(const fs::path& directory) {
    std::size_t sum = 0;
    for (const auto& entry : fs::directory_iterator(directory)) sum += entry.file_size();
    return sum;
}

std::vector<std::string> names_in(const fs::path& directory) {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(directory))
        names.push_back(entry.path().filename().string());
    std::ranges::sort(names);
    return names;
}

/// Children in turn, one line each.
void many(log_writer& w, int children) {
    for (int i = 0; i < children; ++i) put(w, fmt::format("/c{}", i), std::to_string(i));
}

/// As one child would that prints without end.
void noise(log_writer& w, int count) {
    for (int i = 0; i < count; ++i) put(w, "/noisy", std::to_string(i));
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(log_shares)

// What others printed long ago is still there, in the order in which it came, and the newest lines
// of the noisy one are there too. The directory stays bounded.
BOOST_AUTO_TEST_CASE(a_noisy_child) {
    const support::temporary_directory tmp;
    log_writer writer(tmp.path(), small);
    put(writer, "/quiet", "one");
    put(writer, "/", "web crashed");
    put(writer, "/quiet", "two");
    noise(writer, 1000);
    BOOST_TEST(lines_of(tmp.path(), "/quiet") == (lines{"one", "two"}),
               boost::test_tools::per_element());
    BOOST_TEST(lines_of(tmp.path(), "/") == lines{"web crashed"}, boost::test_tools::per_element());
    log_reader reader(tmp.path());
    const lines all = rest(reader);
    BOOST_TEST(all.at(0) == "one");
    BOOST_TEST(all.at(1) == "web crashed");
    BOOST_TEST(all.back() == "999");
    for (std::size_t i = 3; i < all.size(); ++i)
        BOOST_TEST(all[i] == std::to_string(1000 - all.size() + i));
    BOOST_TEST(bytes_in(tmp.path()) <= 3 * 2000u + 3000u);
    BOOST_TEST(names_in(tmp.path()).size() == 4u);
}

// A share is the last lines, without a gap: an older line that would still have room is not kept
// before a longer one that has none.
BOOST_AUTO_TEST_CASE(the_last_lines_of_each) {
    const support::temporary_directory tmp;
    log_writer writer(tmp.path(), small);
    put(writer, "/a", "short");
    put(writer, "/a", std::string(450, 'x'));
    for (int i = 0; i < 4; ++i) put(writer, "/a", std::to_string(i));
    noise(writer, 300);
    BOOST_TEST(lines_of(tmp.path(), "/a") == (lines{"0", "1", "2", "3"}),
               boost::test_tools::per_element());
}

// Many children have less each, so that all of them together stay bounded, and each has its last
// line.
BOOST_AUTO_TEST_CASE(many_children) {
    const support::temporary_directory tmp;
    log_writer writer(tmp.path(), small);
    for (int round = 0; round < 20; ++round) many(writer, 20);
    noise(writer, 300);
    for (int i = 0; i < 20; ++i) {
        const lines found = lines_of(tmp.path(), fmt::format("/c{}", i));
        BOOST_REQUIRE(!found.empty());
        BOOST_TEST(found.back() == std::to_string(i));
    }
    BOOST_TEST(bytes_in(tmp.path()) <= 3 * 2000u + 3000u);
}

// Files that an earlier version left have the same form: they count, and are read.
BOOST_AUTO_TEST_CASE(files_of_an_earlier_version) {
    const support::temporary_directory tmp;
    for (int i = 1; i <= 6; ++i) {
        std::string text;
        append_json_line(text, "2026-01-31T12:00:00.000Z", fmt::format("/old{}", i), stream::out,
                         "x");
        support::write_file(tmp / fmt::format("output.{:08}.jsonl", i), text);
    }
    log_writer writer(tmp.path(), small);
    BOOST_TEST(writer.has_work());
    put(writer, "/new", "y");
    BOOST_TEST(names_in(tmp.path()) == (lines{"kept.00000003.jsonl", "output.00000004.jsonl",
                                              "output.00000005.jsonl", "output.00000006.jsonl"}),
               boost::test_tools::per_element());
    for (int i = 1; i <= 6; ++i)
        BOOST_TEST(lines_of(tmp.path(), fmt::format("/old{}", i)).size() == 1u);
}

// A reader has all files open before it reads the first: what is replaced while it reads is
// neither missing nor there twice.
BOOST_AUTO_TEST_CASE(replaced_while_it_is_read) {
    const support::temporary_directory tmp;
    log_writer writer(tmp.path(), small);
    for (int i = 0; i < 5; ++i) put(writer, "/quiet", std::to_string(i));
    noise(writer, 100);
    log_reader reader(tmp.path());
    lines seen;
    while (auto record = reader.next()) {
        const auto value = boost::json::parse(*record);
        if (value.at("address") == "/quiet") seen.emplace_back(value.at("line").as_string());
        if (seen.size() == 1) noise(writer, 100);
    }
    BOOST_TEST(seen == (lines{"0", "1", "2", "3", "4"}), boost::test_tools::per_element());
}

// A remover that was killed between its steps: lines are neither lost nor there twice, and the
// next one goes on.
BOOST_AUTO_TEST_CASE(a_killed_remover) {
    const support::temporary_directory tmp;
    log_writer writer(tmp.path(), small);
    put(writer, "/quiet", "one");
    const std::string first = support::read_file(tmp / "output.00000001.jsonl");
    noise(writer, 150);
    support::write_file(tmp / "output.00000001.jsonl", first);  // it was not removed yet
    support::write_file(tmp / "kept.00000009.jsonl.new", "half a li");
    BOOST_TEST(lines_of(tmp.path(), "/quiet") == lines{"one"}, boost::test_tools::per_element());
    noise(writer, 100);
    BOOST_TEST(lines_of(tmp.path(), "/quiet") == lines{"one"}, boost::test_tools::per_element());
    BOOST_TEST(!fs::exists(tmp / "output.00000001.jsonl"));
    // Without the newer files a root goes on behind what is kept.
    for (const std::string& name : names_in(tmp.path()))
        if (name.starts_with("output.")) fs::remove(tmp / name);
    log_writer next(tmp.path(), small);
    put(next, "/quiet", "two");
    BOOST_TEST(lines_of(tmp.path(), "/quiet") == (lines{"one", "two"}),
               boost::test_tools::per_element());
}

// The real tree: 100 MB of one child, with the thread that does the work, and `supe logs` of the
// other child and of our own log. A line says where a run of the tree begins.
BOOST_AUTO_TEST_CASE(of_a_real_tree) {
    const support::operator_session d;
    const std::string tree = R"({"name": "t", "children": [
        {"name": "quiet", "command": ["sh", "-c", "echo here; exec sleep 1000"]},
        {"name": "noisy", "restart": "temporary",
         "command": ["sh", "-c", "yes $(printf %0990d 7) | head -c 100000000; echo; echo end"]}]})";
    {
        const auto running = d.run_tree(tree);
        BOOST_TEST(until([&] { return d.ask({"logs", "noisy", "-n", "1"}).out == "[noisy] end\n"; },
                         std::chrono::seconds(120)));
        BOOST_TEST(until([&] {
            return fs::exists(d.state() + "/logs/kept.00000001.jsonl") ||
                   names_in(d.state() + "/logs").size() <= 9u;
        }));
        BOOST_TEST(d.ask({"logs", "quiet"}).out == "[quiet] here\n");
        const std::string own = d.ask({"logs", "supe"}).out;
        BOOST_TEST(own.starts_with("[supe] --- t starts, 20"), own);
        BOOST_TEST(has(own, fmt::format(", pid {} ---\n", running->pid())), own);
        running->signal(SIGTERM);
        BOOST_TEST(running->wait() == 0);
    }
    BOOST_TEST(d.ask({"logs", "quiet"}).out == "[quiet] here\n");
    const std::string timed = d.ask({"logs", "quiet", "--time"}).out;
    BOOST_TEST(timed.size() == 25 + 13u);
    BOOST_TEST(timed.ends_with("Z [quiet] here\n"), timed);
}

BOOST_AUTO_TEST_SUITE_END()
