// The script for bash completes the command line in a real bash at a terminal (for zsh:
// completion_zsh_test.cpp).
#include "tests/support/completing_shell.hpp"

namespace {

struct bash {
    support::operator_session session;
    support::completing_shell shell{session,
                                    {"bash", "--noprofile", "--rcfile", start_file(), "-i"}};

    std::string start_file() const {
        return support::write_file(session.file("bashrc"), R"sh(cd
PS1='ready: '
bind 'set enable-bracketed-paste off'
print_line() { printf '<%s>\n' "$READLINE_LINE"; }
bind -x '"\C-t": print_line'
bind '"\e*": insert-completions'
eval "$(supe completion bash)"
)sh");
    }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(completion, bash)

BOOST_AUTO_TEST_CASE(commands_and_options) { support::expect_commands_and_options(shell); }
BOOST_AUTO_TEST_CASE(files) { support::expect_files(session, shell); }
BOOST_AUTO_TEST_CASE(what_runs) { support::expect_what_runs(session, shell); }

BOOST_AUTO_TEST_SUITE_END()
