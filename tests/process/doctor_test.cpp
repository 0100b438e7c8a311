// Shows that the real `supe doctor` measures this machine, says the same in text and JSON, and
// leaves nothing behind, however it ends. (What it makes of the values: doctor_judgement_test.cpp.)
#include "tests/support/command.hpp"
#include "tests/support/files.hpp"
#include "tests/support/temporary_directory.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <filesystem>

namespace fs = std::filesystem;

namespace {

support::command_setup examining(const fs::path& state) {
    support::command_setup setup;
    setup.words = {SUPE_BINARY, "doctor", "--state", state.string()};
    return setup;
}

/// As a doctor that was killed leaves it.
void leave(const fs::path& folder, const std::string& file) {
    fs::create_directory(folder);
    fs::permissions(folder, fs::perms::owner_all);
    support::write_file(folder / file, "x");
}

support::result examine(const std::filesystem::path& state, const std::string& form = {}) {
    support::command_setup setup = examining(state);
    if (!form.empty()) setup.words.push_back(form);
    return support::run(std::move(setup));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(doctor)

// All checks, with measured times, of the folder above a state directory that is not there yet.
BOOST_AUTO_TEST_CASE(measures) {
    const support::temporary_directory directory;
    const auto answer = examine(directory / "not/yet", "--json");
    const auto whole = boost::json::parse(answer.out);
    BOOST_TEST(answer.code == (whole.at("ok").as_bool() ? 0 : 1));
    BOOST_TEST(whole.at("checks").as_array().size() == 8u);
    BOOST_TEST(whole.at("commit_us").at("p99").as_int64() > 0);
    BOOST_TEST(whole.at("intake").to_number<int>() > 0);
    BOOST_TEST(std::filesystem::is_empty(directory.path()));
}

// What cannot be written is said, with what to do, and ends it with 1.
BOOST_AUTO_TEST_CASE(no_disk) {
    const auto answer = examine("/proc");
    BOOST_TEST(answer.code == 1);
    BOOST_TEST(answer.out.starts_with("warning  disk         /proc: "), answer.out);
    BOOST_TEST(answer.out.find("to do: name a directory of this user with --state") !=
               std::string::npos);
    BOOST_TEST(answer.err == "");
}

// A file in place of the directory is named; nothing is measured beside it.
BOOST_AUTO_TEST_CASE(a_file) {
    const support::temporary_directory directory;
    const std::string file = support::write_file(directory / "relay", "mine");
    const auto answer = examine(file);
    BOOST_TEST(answer.code == 1);
    BOOST_TEST(answer.out.starts_with("warning  disk         " + file + ": Not a directory\n"),
               answer.out);
    BOOST_TEST(support::read_file(file) == "mine");
}

// Ctrl-C and SIGTERM end it as they end any command, and its folder is gone. It may have ended
// before the signal comes: then it is tried again.
BOOST_AUTO_TEST_CASE(ended_by_a_signal) {
    const support::temporary_directory directory;
    for (const int number : {SIGINT, SIGTERM}) {
        int code = 0;
        for (int tries = 0; tries < 50 && code != 128 + number; ++tries) {
            support::command doctor(examining(directory.path()));
            support::until([&] { return !fs::is_empty(directory.path()) || doctor.has_ended(); });
            doctor.signal(number);
            code = doctor.wait();
            BOOST_TEST(fs::is_empty(directory.path()));
        }
        BOOST_TEST(code == 128 + number);
    }
}

// What an earlier one left that was killed is removed. The folder of a doctor that runs is not, nor
// one that holds something else.
BOOST_AUTO_TEST_CASE(left_by_an_earlier_one) {
    const support::temporary_directory directory;
    leave(directory / "doctor.Abc123", "queue.db-wal");
    leave(directory / "doctor.locked", "file");
    leave(directory / "doctor.theirs", "letter");
    leave(directory / "doctor.toolong", "file");
    const int running = ::open((directory / "doctor.locked").c_str(), O_RDONLY | O_CLOEXEC);
    BOOST_REQUIRE(::flock(running, LOCK_EX) == 0);
    examine(directory.path());
    ::close(running);
    BOOST_TEST(!fs::exists(directory / "doctor.Abc123"));
    BOOST_TEST(fs::exists(directory / "doctor.locked/file"));
    BOOST_TEST(fs::exists(directory / "doctor.theirs/letter"));
    BOOST_TEST(fs::exists(directory / "doctor.toolong/file"));
}

BOOST_AUTO_TEST_SUITE_END()
