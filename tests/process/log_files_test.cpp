// Shows that kept output is bounded, survives a kill, and is read whole across rotations.
#include "supe/output/log_files.hpp"
#include "tests/support/file_size_limit.hpp"
#include "tests/support/files.hpp"
#include "tests/support/temporary_directory.hpp"

#include <sys/stat.h>
#include <boost/json/parse.hpp>
#include <boost/test/unit_test.hpp>
#include <csignal>

using namespace supe;
namespace fs = std::filesystem;

namespace {

constexpr const char* at = "2026-01-31T12:00:00.000Z";

void put(log_writer& w, const std::string& line) {
    w.write(at, "/web", stream::out, line);
    w.flush();
}

/// The lines that can be read now; a malformed one is `?`.
std::vector<std::string> rest(log_reader& r) {
    std::vector<std::string> lines;
    while (auto record = r.next()) {
        boost::system::error_code bad;
        const auto value = boost::json::parse(*record, bad);
        lines.push_back(bad ? "?" : std::string(value.at("line").as_string()));
    }
    return lines;
}

std::vector<std::string> all(const fs::path& directory) {
    log_reader reader(directory);
    return rest(reader);
}

std::size_t bytes_in(const fs::path& directory) {
    std::size_t sum = 0;
    for (const auto& entry : fs::directory_iterator(directory)) sum += entry.file_size();
    return sum;
}

using lines = std::vector<std::string>;

}  // namespace

BOOST_AUTO_TEST_SUITE(log_files)

// However much is written, the limits of number and size hold, though nobody does the work beside
// the loop, and the files have the newest lines, each whole.
BOOST_AUTO_TEST_CASE(bounded_by_size_and_count) {
    const support::temporary_directory tmp;
    const fs::path directory = tmp.path() / "logs";
    log_writer writer(directory, {.file_bytes = 2000, .files = 3});
    for (int i = 0; i < 1000; ++i) put(writer, std::to_string(i));
    BOOST_TEST(bytes_in(directory) <= 6 * 2000u);
    BOOST_TEST(std::distance(fs::directory_iterator(directory), {}) == 6);
    const lines kept = all(directory);
    BOOST_REQUIRE(kept.size() > 20u);
    for (std::size_t i = 0; i < kept.size(); ++i)
        BOOST_TEST(kept[i] == std::to_string(1000 - kept.size() + i));
    struct stat mode{};
    ::stat(directory.c_str(), &mode);
    BOOST_TEST((mode.st_mode & 0777) == 0700u);
    ::stat((*fs::directory_iterator(directory)).path().c_str(), &mode);
    BOOST_TEST((mode.st_mode & 0777) == 0600u);
}

// A follower gets every line once and in order, wherever the writer begins a new file.
BOOST_AUTO_TEST_CASE(follows_across_rotation) {
    const support::temporary_directory tmp;
    log_writer writer(tmp.path(), {.file_bytes = 500, .files = 100});
    put(writer, "first");
    log_reader reader(tmp.path());
    BOOST_TEST(rest(reader) == lines{"first"}, boost::test_tools::per_element());
    for (int i = 0; i < 200; ++i) {
        lines expected;
        for (int k = 0; k < i % 9; ++k) {
            expected.push_back(std::to_string(i) + "." + std::to_string(k));
            put(writer, expected.back());
        }
        BOOST_TEST(rest(reader) == expected, boost::test_tools::per_element());
    }
}

// A follower that was overtaken reads its open file to the end, and then the oldest file that is
// left.
BOOST_AUTO_TEST_CASE(a_slow_follower_loses_only_what_is_gone) {
    const support::temporary_directory tmp;
    log_writer writer(tmp.path(), {.file_bytes = 500, .files = 2});
    put(writer, "first");
    log_reader reader(tmp.path());
    BOOST_TEST(*reader.next() != "");
    put(writer, "second");
    for (int i = 0; i < 100; ++i) put(writer, std::to_string(i));
    const lines seen = rest(reader);
    BOOST_REQUIRE(seen.size() > 2u);
    BOOST_TEST(seen.front() == "second");
    BOOST_TEST(seen.back() == "99");
}

// The next run goes on in the same files, also behind half a line of a killed writer.
BOOST_AUTO_TEST_CASE(goes_on_after_a_kill) {
    const support::temporary_directory tmp;
    {
        log_writer writer(tmp.path());
        put(writer, "before");
    }
    std::ofstream(tmp / "output.00000001.jsonl", std::ios::app) << "{\"at\":\"2026";
    log_writer writer(tmp.path());
    put(writer, "after");
    const lines expected{"before", "?", "after"};
    BOOST_TEST(all(tmp.path()) == expected, boost::test_tools::per_element());
    BOOST_TEST(std::distance(fs::directory_iterator(tmp.path()), {}) == 1);
}

// Half a line is not returned before its end has come.
BOOST_AUTO_TEST_CASE(half_a_line_waits) {
    const support::temporary_directory tmp;
    std::ofstream file(tmp / "output.00000001.jsonl");
    log_reader reader(tmp.path());
    file << "{\"line\":" << std::flush;
    BOOST_TEST(!reader.next());
    file << "\"x\"}\n" << std::flush;
    BOOST_TEST(rest(reader) == lines{"x"}, boost::test_tools::per_element());
}

// A full disk stops nothing; when it has space again, a line reports how much is missing.
BOOST_AUTO_TEST_CASE(a_full_disk_is_reported_afterwards) {
    const support::temporary_directory tmp;
    log_writer writer(tmp.path());
    put(writer, "before");
    {
        const support::file_size_limit less_than_a_line(40);
        for (int i = 0; i < 3; ++i) put(writer, "lost");
    }
    put(writer, "after");
    const lines expected{"before", "3 lines of output could not be kept: File too large", "after"};
    lines found = all(tmp.path());
    BOOST_TEST(found == expected, boost::test_tools::per_element());
}

// Where files may not become as large as ours do, there are more of them.
BOOST_AUTO_TEST_CASE(a_smaller_limit) {
    const support::temporary_directory tmp;
    log_writer writer(tmp.path());
    const support::file_size_limit of_two_lines(200);
    for (const char* line : {"1", "2", "3", "4", "5"}) put(writer, line);
    BOOST_TEST(all(tmp.path()) == (lines{"1", "2", "3", "4", "5"}),
               boost::test_tools::per_element());
    BOOST_TEST(fs::exists(tmp / "output.00000002.jsonl"));
}

// Other files in the folder are neither read nor removed.
BOOST_AUTO_TEST_CASE(other_files_are_left_alone) {
    const support::temporary_directory tmp;
    for (const char* name : {"output.jsonl", "output.x.jsonl", "notes", "output.00000001.jsonl.gz"})
        support::write_file(tmp / name, "mine\n");
    BOOST_TEST(!log_reader(tmp.path()).found_any());
    log_writer writer(tmp.path(), {.file_bytes = 100, .files = 1});
    for (int i = 0; i < 5; ++i) put(writer, "x");
    BOOST_TEST(std::distance(fs::directory_iterator(tmp.path()), {}) == 6);
    BOOST_TEST(all(tmp.path()).size() == 2u);
}

// The next line after a deletion, of the newest file or of the whole directory, is in a new file;
// so it is where the file was moved. A follower gets every line.
BOOST_AUTO_TEST_CASE(deleted_files_come_back) {
    const support::temporary_directory tmp;
    const fs::path directory = tmp.path() / "state/logs";
    log_writer writer(directory);
    log_reader reader(directory);
    put(writer, "one");
    fs::remove(directory / "output.00000001.jsonl");
    put(writer, "two");
    BOOST_TEST(all(directory) == lines{"two"}, boost::test_tools::per_element());
    BOOST_TEST(rest(reader) == lines{"two"}, boost::test_tools::per_element());
    fs::remove_all(tmp.path() / "state");
    put(writer, "three");
    BOOST_TEST(rest(reader) == lines{"three"}, boost::test_tools::per_element());
    fs::rename(directory / "output.00000003.jsonl", tmp.path() / "moved");
    put(writer, "four");
    BOOST_TEST(all(directory) == lines{"four"}, boost::test_tools::per_element());
    BOOST_TEST(rest(reader) == lines{"four"}, boost::test_tools::per_element());
}

// The directory above may be a symbolic link, as the state directory may.
BOOST_AUTO_TEST_CASE(deleted_below_a_link) {
    const support::temporary_directory tmp;
    fs::create_directory(tmp / "elsewhere");
    fs::create_directory_symlink(tmp / "elsewhere", tmp / "state");
    log_writer writer(tmp.path() / "state/logs");
    put(writer, "one");
    fs::remove_all(tmp.path() / "elsewhere/logs");
    put(writer, "two");
    BOOST_TEST(writer.loss() == "");
    BOOST_TEST(all(tmp.path() / "state/logs") == lines{"two"}, boost::test_tools::per_element());
}

// A FIFO in the place of a file is passed over: no one writes to it, and a reader would wait.
BOOST_AUTO_TEST_CASE(a_fifo_is_no_file) {
    const support::temporary_directory tmp;
    BOOST_REQUIRE(::mkfifo((tmp / "output.00000001.jsonl").c_str(), 0600) == 0);
    BOOST_REQUIRE(::mkfifo((tmp / "kept.00000001.jsonl").c_str(), 0600) == 0);
    BOOST_TEST(all(tmp.path()).empty());
    support::write_file(tmp / "output.00000002.jsonl", "{\"line\":\"x\"}\n");
    BOOST_TEST(all(tmp.path()) == lines{"x"}, boost::test_tools::per_element());
}

// What is in the place of the directory is named as the reason; when it is gone, lines are kept.
BOOST_AUTO_TEST_CASE(a_fifo_is_no_directory) {
    const support::temporary_directory tmp;
    const fs::path directory = tmp.path() / "logs";
    BOOST_REQUIRE(::mkfifo(directory.c_str(), 0600) == 0);
    log_writer writer(directory);
    const std::string why = directory.string() + ": Not a directory";
    BOOST_TEST(writer.problem() == why);
    put(writer, "lost");
    BOOST_TEST(writer.loss() == why);
    fs::remove(directory);
    put(writer, "kept");
    BOOST_TEST(writer.problem() == "");
    BOOST_TEST(writer.loss() == "");
    const lines expected{"1 lines of output could not be kept: " + why, "kept"};
    BOOST_TEST(all(directory) == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
