// A shell at a terminal that completes `supe`, and what every such shell must complete.
#pragma once

#include "tests/support/files.hpp"
#include "tests/support/operator_session.hpp"
#include "tests/support/terminal.hpp"

#include <boost/json/parse.hpp>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>

namespace support {

class completing_shell {
public:
    /// The start file of the shell binds M-* to insert all matches, and ^T to print the line as
    /// `<line>`.
    completing_shell(const operator_session& d, std::vector<std::string> words)
        : terminal_(std::move(words), {{"PATH", program_folder() + ":" + std::getenv("PATH")},
                                       {"HOME", d.file(".")},
                                       {"ZDOTDIR", d.file(".")},
                                       {"XDG_STATE_HOME", d.file("home")},
                                       {"STATE_DIRECTORY", ""},
                                       {"TERM", "xterm"}}) {
        BOOST_TEST_REQUIRE((terminal_.find("ready: ") != std::string::npos), terminal_.screen());
    }

    /// The line after TAB at its end.
    std::string tab(const std::string& typed) { return line_after(typed + "\t"); }
    /// All matches of the last word, each as a word of the result.
    std::string all(const std::string& typed) {
        const std::string line = line_after(typed + "\033*");
        const std::string kept = typed.substr(0, typed.rfind(' ') + 1);
        return line.starts_with(kept) && line.ends_with(' ') && line != kept
                   ? line.substr(kept.size(), line.size() - kept.size() - 1)
                   : "";
    }

private:
    static std::string program_folder() {
        return std::filesystem::path(SUPE_BINARY).parent_path().string();
    }

    std::string line_after(const std::string& keys) {
        const std::size_t before = terminal_.screen().size();
        terminal_.type("\x15" + keys + "\x14");
        const std::size_t end = terminal_.find(">\r\n", before);
        // The shell reads keys itself only after its next prompt: before, the kernel would handle
        // our ^U.
        BOOST_TEST_REQUIRE((terminal_.find("ready: ", end) != std::string::npos),
                           terminal_.screen().substr(before));
        const std::size_t begin = terminal_.screen().rfind('<', end) + 1;
        return terminal_.screen().substr(begin, end - begin);
    }

    terminal terminal_;
};

/// Commands, those below `dead`, the options of each, and the choices of arguments and options.
inline void expect_commands_and_options(completing_shell& shell) {
    BOOST_TEST(shell.all("supe st") == "start status stop");
    BOOST_TEST(shell.tab("supe rest") == "supe restart ");
    BOOST_TEST(shell.all("supe dead ") == "drop list retry show");
    BOOST_TEST(shell.tab("supe dead l") == "supe dead list ");
    BOOST_TEST(shell.all("supe --") == "--help --state --tree --version");
    BOOST_TEST(shell.all("supe status --") == "--help --json --state --tree");
    BOOST_TEST(shell.all("supe --tree shop dead retry --") == "--all --help --state --tree");
    BOOST_TEST(shell.all("supe completion ") == "bash zsh");
    BOOST_TEST(shell.all("supe run t.json --log-format ") == "json text");
    BOOST_TEST(shell.all("supe logs --lines ") == "");
    BOOST_TEST(shell.all("supe nonsense ") == "");
}

/// Files and folders, whose names may have blanks.
inline void expect_files(const operator_session& d, completing_shell& shell) {
    write_file(d.file("tree.json"), "{}");
    write_file(d.file("my child.json"), "{}");
    std::filesystem::create_directory(d.file("folder"));
    BOOST_TEST(shell.tab("supe check tr") == "supe check tree.json ");
    BOOST_TEST(shell.tab("supe check ~/tr") == "supe check ~/tree.json ");
    BOOST_TEST(shell.tab("supe add / my") == "supe add / my\\ child.json ");
    BOOST_TEST(shell.tab("supe mail --from-file tr") == "supe mail --from-file tree.json ");
    BOOST_TEST(shell.tab("supe status --state fo") == "supe status --state folder/");
    BOOST_TEST(shell.tab("supe status --state=fo") == "supe status --state=folder/");
}

/// Addresses, with or without the first slash, and ids of dead letters, in the tree that the line
/// names.
inline void expect_what_runs(const operator_session& d, completing_shell& shell) {
    const auto tree =
        d.run_tree(R"({"name": "shop", "children": [{"name": "web", "command": ["sleep", "1000"]},
        {"name": "gone", "command": ["sleep", "1000"]},
        {"name": "dam", "children": [{"name": "queue", "command": ["sleep", "1000"]}]}]})");
    d.ask({"mail", "gone", "1"});
    d.ask({"remove", "gone"});
    const auto dead = boost::json::parse(d.ask({"dead", "list", "--json"}).out);
    BOOST_TEST_REQUIRE(dead.as_array().size() == 1u);
    const std::string id(dead.at(0).at("id").as_string());
    const std::string state = "--state " + d.state();
    BOOST_TEST(shell.all("supe stop " + state + " ") == "/ /dam /dam/queue /web");
    BOOST_TEST(shell.all("supe stop " + state + " /d") == "/dam /dam/queue");
    BOOST_TEST(shell.all("supe " + state + " restart w") == "web");
    BOOST_TEST(shell.all("supe status --state=" + d.state() + " dam/") == "dam/queue");
    BOOST_TEST(shell.all("supe status --state ~/state w") == "web");
    BOOST_TEST(shell.all("supe logs -n 5 " + state + " w") == "web");
    BOOST_TEST(shell.all("supe scale " + state + " web ") == "");
    BOOST_TEST(shell.all("supe dead show " + state + " ") == id);
    BOOST_TEST(shell.all("supe dead drop --state=" + d.state() + " x ") == id);
    BOOST_TEST(shell.all("supe stop --state " + d.file("none") + " ") == "");
}

}  // namespace support
