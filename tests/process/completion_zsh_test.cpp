// The script for zsh completes the command line in a real zsh at a terminal (for bash:
// completion_test.cpp).
#include "tests/support/completing_shell.hpp"
#include "tests/support/needs.hpp"

namespace {

/// A zsh whose start file loads our script by the command `with`.
struct zsh {
    support::operator_session session;

    support::completing_shell shell(const std::string& before_compinit,
                                    const std::string& after) const {
        support::write_file(session.file(".zshrc"),
                            "cd\nPS1='ready: '\nbindkey -e\n" + before_compinit + R"sh(
autoload -U compinit
compinit -u -d ~/dump
insert_all() { _main_complete; compstate[insert]=all; }
zle -C insert-all complete-word insert_all
bindkey '\e*' insert-all
print-line() { zle -I; print -r -- "<$BUFFER>"; }
zle -N print-line
bindkey '^T' print-line
)sh" + after);
        return support::completing_shell(session, {"zsh", "--no-globalrcs", "-i"});
    }
    support::completing_shell usual() const {
        return shell("", "eval \"$(supe completion zsh)\"\n");
    }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(completion_zsh, zsh, *support::needs({"zsh"}))

BOOST_AUTO_TEST_CASE(commands_and_options) {
    auto shell = usual();
    support::expect_commands_and_options(shell);
}

BOOST_AUTO_TEST_CASE(files) {
    auto shell = usual();
    support::expect_files(session, shell);
}

BOOST_AUTO_TEST_CASE(what_runs) {
    auto shell = usual();
    support::expect_what_runs(session, shell);
}

// As packages install it: a file `_supe` in $fpath, which zsh reads at the first TAB.
BOOST_AUTO_TEST_CASE(as_a_file_in_fpath) {
    std::filesystem::create_directory(session.file("site"));
    support::write_file(session.file("site/_supe"), session.supe({"completion", "zsh"}).out);
    auto shell = this->shell("fpath=(~/site $fpath)", "");
    BOOST_TEST(shell.tab("supe rest") == "supe restart ");
    BOOST_TEST(shell.tab("supe dead l") == "supe dead list ");
}

BOOST_AUTO_TEST_SUITE_END()
