// Shows that the real `supe doctor` measures this machine, says the same in text and JSON, and
// leaves nothing behind. (What it makes of the values: doctor_judgement_test.cpp.)
#include "tests/support/command.hpp"
#include "tests/support/temporary_directory.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/test/unit_test.hpp>

namespace {

support::result examine(const std::filesystem::path& state, const std::string& form = {}) {
    support::command_setup setup;
    setup.words = {SUPE_BINARY, "doctor", "--state", state.string()};
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

BOOST_AUTO_TEST_SUITE_END()
