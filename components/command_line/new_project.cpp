#include "components/command_line/new_project.hpp"

#include "supe/text/names.hpp"

#include <fmt/format.h>
#include <cctype>
#include <cerrno>
#include <fstream>
#include <stdexcept>
#include <system_error>

namespace components {
namespace {

constexpr auto cmake_text = R"(cmake_minimum_required(VERSION 3.25)
project(@NAME@ LANGUAGES CXX)
find_package(supe 1 REQUIRED)  # not found? -DCMAKE_PREFIX_PATH=WHERE-SUPE-IS-INSTALLED

add_executable(greeter greeter.cpp)
target_link_libraries(greeter PRIVATE supe::patterns)

enable_testing()
add_executable(greeter_test greeter_test.cpp)
target_link_libraries(greeter_test PRIVATE supe::patterns supe::simulation)
add_test(NAME greeter COMMAND greeter_test)
)";

constexpr auto tree_text = R"({ "name": "@NAME@",
  "children": [
    { "name": "greeter", "command": ["build/greeter"], "demand": true }
  ] }
)";

constexpr auto component_text = R"(// A component: it greets the sender of each mail.
#pragma once

#include "patterns/idle_shutdown.hpp"
#include "patterns/output.hpp"
#include "supe/component/component.hpp"

// It ends after 30 s without mail; the next mail starts it again.
inline supe::awaitable<> greeter(supe::component& self) {
    patterns::idle_shutdown idle{self, std::chrono::seconds(30)};
    unsigned greeted = 0;
    while (auto mail = co_await idle.next_mail()) {
        patterns::say("hello {}, you are the guest number {}", mail->from(), ++greeted);
        self.notify("greeted", boost::json::value(greeted));
        mail->ack();  // until then the mail is kept, and delivered again after a crash
    }
}
)";

constexpr auto main_text = R"(#include "greeter.hpp"

int main() { return supe::run_component(greeter); }
)";

constexpr auto test_text =
    R"text(// The component in virtual time: real supervisor and mail, simulated processes and deaths.
#include "greeter.hpp"

#include "supe/simulation/world.hpp"

#include <cstdio>

namespace {

int failures = 0;

void check(bool holds, const char* what) {
    std::printf("%s: %s\n", holds ? "ok" : "FAILED", what);
    if (!holds) ++failures;
}

}  // namespace

int main() {
    using namespace std::chrono_literals;
    supe::simulation::world w{1};
    w.provide("greeter", greeter);
    w.run(R"json({"name": "t", "children": [
        {"name": "greeter", "component": "greeter", "demand": true}]})json");
    w.mail("/greeter", "1");
    w.advance(1s);
    check(w.count("greeted") == 1, "mail starts it");
    check(w.crash("/greeter"), "it runs, and crashes");
    w.mail("/greeter", "2");
    w.advance(1s);
    check(w.count("greeted") == 2, "the next mail starts it again");
    w.advance(31s);
    check(!w.crash("/greeter"), "without mail it has ended");
    return failures == 0 ? 0 : 1;
}
)text";

constexpr auto readme_text = R"(# @NAME@

A tree of programs that supe supervises, with one component in C++.

    cmake -B build && cmake --build build    builds build/greeter and its test
    ctest --test-dir build                   the test, in virtual time
    supe check tree.json                     says what is wrong with the tree
    supe run tree.json                       runs it, until Ctrl-C

Meanwhile, in another terminal:

    supe mail greeter '"world"' --wait
    supe status
    supe logs -f

| file | holds |
|---|---|
| `greeter.hpp`, `greeter.cpp` | the component, and its main |
| `greeter_test.cpp` | its test: mail, a crash, an idle end |
| `tree.json` | what runs |
)";

std::string with_name(std::string text, const std::string& name) {
    static constexpr std::string_view mark = "@NAME@";
    for (auto at = text.find(mark); at != text.npos; at = text.find(mark, at + name.size()))
        text.replace(at, mark.size(), name);
    return text;
}

}  // namespace

std::string objection_to_project(const std::string& name) {
    if (!supe::is_valid_name(name))
        return "a name has 1 to 64 letters, digits, _ and -, and is none of supe, component, "
               "citizen, supervisor, mail";
    if (!std::isalpha(static_cast<unsigned char>(name.front())))
        return "the name of a project begins with a letter";
    return {};
}

std::map<std::string, std::string> project_files(const std::string& name) {
    return {{"CMakeLists.txt", with_name(cmake_text, name)},
            {"README.md", with_name(readme_text, name)},
            {"greeter.cpp", main_text},
            {"greeter.hpp", component_text},
            {"greeter_test.cpp", test_text},
            {"tree.json", with_name(tree_text, name)}};
}

void write_project(const std::filesystem::path& folder,
                   const std::map<std::string, std::string>& files) {
    std::error_code none;
    const auto there = std::filesystem::symlink_status(folder, none).type();
    if (there == std::filesystem::file_type::not_found)
        std::filesystem::create_directory(folder);
    else if (!std::filesystem::is_directory(folder, none))
        throw std::runtime_error(fmt::format("{} is there, and is no folder", folder.string()));
    if (!std::filesystem::is_empty(folder))
        throw std::runtime_error(
            fmt::format("{} is not empty: nothing was written", folder.string()));
    for (const auto& [name, text] : files) {
        std::ofstream out(folder / name, std::ios::binary);
        if (!(out << text).flush())
            throw std::system_error(errno, std::generic_category(), (folder / name).string());
    }
}

}  // namespace components
