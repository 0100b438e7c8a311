#include "components/conformance/conformance.hpp"

#include "supe/async/race.hpp"
#include "supe/process/posix_launcher.hpp"
#include "supe/text/utf8.hpp"

#include <fmt/format.h>
#include <stdlib.h>
#include <algorithm>
#include <boost/json/array.hpp>
#include <cerrno>
#include <system_error>

namespace components {
namespace {

using namespace std::chrono_literals;
using outcome = enum conformance_result::outcome;

constexpr auto time_for_all = 60s;
constexpr auto time_to_end = 2s;  // of what a component left behind

/// In the folder for temporary files; it goes with this object.
struct directory_for_one_run {
    directory_for_one_run() {
        std::string name =
            (std::filesystem::temp_directory_path() / "supe-conformance-XXXXXX").string();
        if (!::mkdtemp(name.data()))
            throw std::system_error(errno, std::generic_category(),
                                    "a directory for the component");
        path = name;
    }
    ~directory_for_one_run() {
        std::error_code ignored;
        std::filesystem::remove_all(path, ignored);
    }
    directory_for_one_run(const directory_for_one_run&) = delete;
    directory_for_one_run& operator=(const directory_for_one_run&) = delete;
    std::filesystem::path path;
};

struct examination {
    supe::clock& time;
    supe::posix_launcher& starter;
    const std::vector<std::string>& command;
    std::filesystem::path directory;
    std::vector<conformance_result> results;
};

supe::awaitable<> make(examination& e, const conformance_check& check) {
    conformance_result result{&check, outcome::failed, {}};
    supe::nursery readers(e.time);
    {
        stage s(e.time, e.starter, readers, e.command, e.directory);
        try {
            result.seen = co_await check.perform(s);
            result.outcome = outcome::passed;
        } catch (const violation& v) {
            result.seen = v.what();
        }
        s.kill();
        co_await e.starter.end_all_descendants(e.time, e.time.now() + time_to_end);
        // Its last words are in the pipes by now; a descendant may hold them open.
        co_await supe::within(e.time, e.time.now() + 100ms, readers.join());
        if (result.outcome == outcome::failed) result.last_words = s.last_words();
    }
    e.results.push_back(std::move(result));
}

supe::awaitable<> make_all(examination& e, const std::vector<const conformance_check*>& checks) {
    const auto end = e.time.now() + time_for_all;
    for (const conformance_check* check : checks) {
        const bool hopeless = !e.results.empty() && e.results.front().outcome == outcome::failed;
        if (hopeless || e.time.now() >= end)
            e.results.push_back({check, outcome::not_tried,
                                 hopeless ? "the first check failed" : "a minute has passed"});
        else
            co_await make(e, *check);
    }
}

std::vector<const conformance_check*> named(const std::string& only) {
    std::vector<const conformance_check*> found;
    std::string names;
    for (const conformance_check& check : conformance_checks()) {
        if (only.empty() || only == check.name) found.push_back(&check);
        names += (names.empty() ? "" : ", ") + std::string(check.name);
    }
    if (found.empty())
        throw std::runtime_error(fmt::format("--only: \"{}\" is none of {}", only, names));
    return found;
}

std::string indented(std::string_view text) {
    std::string lines;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        if (end > 0) lines += fmt::format("{:11}stderr: {}\n", "", text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

const char* name_of(outcome o) {
    return o == outcome::passed ? "ok" : o == outcome::failed ? "FAILED" : "not tried";
}

}  // namespace

std::vector<conformance_result> run_conformance(const std::vector<std::string>& command,
                                                const std::string& only) {
    const auto checks = named(only);
    const directory_for_one_run directory;
    boost::asio::io_context loop(1);
    supe::real_clock time(loop.get_executor());
    supe::posix_launcher starter(loop.get_executor());
    examination e{time, starter, command, directory.path, {}};
    std::exception_ptr trouble;
    supe::nursery all(time);
    const auto body = [&]() -> supe::awaitable<> {
        try {
            co_await make_all(e, checks);
        } catch (...) {
            trouble = std::current_exception();
        }
    };
    all.start(body());
    loop.run();
    if (trouble) std::rethrow_exception(trouble);
    return std::move(e.results);
}

bool is_conformant(const std::vector<conformance_result>& results) {
    return std::ranges::all_of(results, [](const auto& r) { return r.outcome == outcome::passed; });
}

std::string text_of_conformance(const std::vector<conformance_result>& results) {
    std::string text;
    for (const auto& r : results) {
        text += fmt::format("{:<9}  {:<16}  {}\n", name_of(r.outcome), r.check->name, r.seen);
        if (r.outcome == outcome::failed)
            text += fmt::format("{:11}A component {} (contract {}).\n", "", r.check->what,
                                r.check->section) +
                    indented(r.last_words);
    }
    const auto good = std::ranges::count(results, outcome::passed, &conformance_result::outcome);
    return text + fmt::format("{} of {} checks passed\n", good, results.size());
}

boost::json::object json_of_conformance(const std::vector<conformance_result>& results) {
    boost::json::array checks;
    for (const auto& r : results) {
        const char* result = r.outcome == outcome::passed   ? "passed"
                             : r.outcome == outcome::failed ? "failed"
                                                            : "not-tried";
        boost::json::object one{{"check", r.check->name},
                                {"section", r.check->section},
                                {"must", r.check->what},
                                {"result", result},
                                {"seen", r.seen}};
        if (!r.last_words.empty()) one["stderr"] = supe::as_utf8(r.last_words);
        checks.push_back(std::move(one));
    }
    return {{"ok", is_conformant(results)}, {"checks", std::move(checks)}};
}

}  // namespace components
