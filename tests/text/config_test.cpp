// Shows how settings are read: the errors of a file and of a component's config, and the forms of
// sizes and durations.
#include "supe/text/config.hpp"
#include "supe/async/unique_fd.hpp"
#include "tests/support/temporary_directory.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <boost/json/parse.hpp>
#include <boost/test/unit_test.hpp>
#include <fstream>

namespace {

using namespace std::chrono_literals;

struct settings {
    supe::milliseconds timeout = 30s;
    unsigned connections = 4;
    std::size_t limit = 0;

    std::vector<supe::field_reader::field> fields() {
        return {{"timeout", [this](auto& in, auto& x) { timeout = in.some_time(x); }},
                {"connections", [this](auto& in, auto& x) { connections = in.count(x, 1, 10); }},
                {"limit", [this](auto& in, auto& x) { limit = in.bytes(x, 0, 8 << 20); }}};
    }
};

settings config_of(std::string_view text) {
    settings s;
    supe::read_config(boost::json::parse({text.data(), text.size()}), s.fields());
    return s;
}

std::string refusal_of_config(std::string_view text) {
    try {
        config_of(text);
    } catch (const supe::config_error& e) {
        return e.what();
    }
    return "accepted";
}

std::string refusal_of_text(std::string_view text) {
    settings s;
    try {
        supe::read_config_text(text, "app.json",
                               [&](auto& in, auto& whole) { in.object(whole, s.fields()); });
    } catch (const supe::config_error& e) {
        return e.what();
    }
    return "accepted";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(config)

// A given setting is used, a missing one keeps its default; without a config all are defaults.
BOOST_AUTO_TEST_CASE(takes_what_is_given) {
    const settings s = config_of(R"({"timeout": "5s", "limit": "4MiB"})");
    BOOST_TEST((s.timeout == 5s));
    BOOST_TEST(s.connections == 4u);
    BOOST_TEST(s.limit == 4u << 20);
    BOOST_TEST(config_of(R"({"limit": 1000})").limit == 1000u);
    BOOST_TEST(config_of(R"({"limit": "0"})").limit == 0u);
    BOOST_TEST(config_of("{}").connections == 4u);
    BOOST_TEST((config_of("null").timeout == 30s));
}

// A config has no file and no lines: the error has the path, the value and the choices.
BOOST_AUTO_TEST_CASE(refuses_a_config) {
    BOOST_TEST(
        refusal_of_config(R"({"timeout": 30})") ==
        R"(config.timeout: must be a duration like "250ms", "8s", "5m", "1h", from 1ms to 3650d, not 30)");
    BOOST_TEST(
        refusal_of_config(R"({"timeout": "0s"})") ==
        R"(config.timeout: must be a duration like "250ms", "8s", "5m", "1h", from 1ms to 3650d, not "0s")");
    BOOST_TEST(refusal_of_config(R"({"connections": "5"})") ==
               R"(config.connections: must be a whole number from 1 to 10, not "5")");
    BOOST_TEST(refusal_of_config(R"({"connections": null})") ==
               "config.connections: must be a whole number from 1 to 10, not null");
    BOOST_TEST(
        refusal_of_config(R"({"limit": "9MiB"})") ==
        R"(config.limit: must be a size like "64KiB", "256MiB", "10GiB", from 0B to 8MiB, not "9MiB")");
    BOOST_TEST(refusal_of_config(R"({"time": "1s"})") ==
               R"(config: "time" is not one of timeout, connections, limit)");
    BOOST_TEST(refusal_of_config("[1]") == "config: must be an object, not [1]");
}

// The error of a file also has its name, line and column, also for text that is not JSON.
BOOST_AUTO_TEST_CASE(refuses_a_file) {
    BOOST_TEST(refusal_of_text("// a comment\n{\"connections\": 2,}") == "accepted");
    BOOST_TEST(refusal_of_text("{\n  \"timeout\": \"1s\",\n  \"connections\": \"5\"\n}") ==
               R"(app.json:3:18: connections: must be a whole number from 1 to 10, not "5")");
    BOOST_TEST(refusal_of_text("{\"timeout\": \"1s\"") ==
               "app.json:1:17: expected , or }, not end of file");
    BOOST_TEST(refusal_of_text("7") == "app.json:1:1: must be an object, not 7");
}

// The error of a file that cannot be read has its name and the reason. What is no regular file is
// refused at once: the open of a FIFO would wait for a writer.
BOOST_AUTO_TEST_CASE(text_of_file) {
    const support::temporary_directory tmp;
    const std::string file = tmp / "app.json", fifo = tmp / "fifo", link = tmp / "link";
    const auto refusal = [](const std::string& of) -> std::string {
        try {
            supe::text_of_file(of);
        } catch (const supe::config_error& e) {
            return e.what();
        }
        return "read";
    };
    BOOST_TEST(refusal(file) == file + ": No such file or directory");
    BOOST_REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
    std::filesystem::create_symlink(fifo, link);
    for (const std::string& other : {tmp.path().string(), fifo, link, std::string("/dev/zero")})
        BOOST_TEST(refusal(other) == other + ": it is no regular file");
    std::ofstream(file) << "{}\n";
    BOOST_TEST(supe::text_of_file(file) == "{}\n");
    std::filesystem::resize_file(file, 20 << 20);
    BOOST_TEST(supe::text_of_file(file).size() == (16u << 20) + 1);
}

// A tree or settings come through a pipe once; by another name it is read again, where it is a
// regular file by then.
BOOST_AUTO_TEST_CASE(text_of_source) {
    using enum supe::source_read;
    const support::temporary_directory tmp;
    const std::string file = tmp / "app.json", fifo = tmp / "fifo";
    const auto refusal_again = [](const std::string& of) -> std::string {
        try {
            return supe::text_of_source(of, again);
        } catch (const supe::config_error& e) {
            return e.what();
        }
    };
    int ends[2];
    BOOST_REQUIRE(::pipe(ends) == 0);
    const supe::unique_fd out(ends[0]);
    supe::unique_fd in(ends[1]);
    BOOST_REQUIRE(::write(in.get(), "{}", 2) == 2);
    in.reset();
    const std::string name = fmt::format("/dev/fd/{}", out.get());
    BOOST_TEST(supe::text_of_source(name, first) == "{}");
    const std::string once = " is no regular file: it was read once, and cannot be read again";
    BOOST_REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
    for (const std::string& other : {name, fifo, tmp.path().string()})
        BOOST_TEST(refusal_again(other) == other + once);
    std::ofstream(file) << "[]";
    BOOST_TEST(refusal_again(file) == "[]");
    BOOST_TEST(refusal_again(tmp / "none") ==
               (tmp / "none").string() + ": No such file or directory");
}

BOOST_AUTO_TEST_SUITE_END()
