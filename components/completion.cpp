#include "components/completion.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fmt/format.h>
#include <numeric>

namespace components {
namespace {

/// What stands where a word is expected: by the type names of the positionals.
constexpr std::string_view takes_file = "TREE.json CONFIG.json CHILD.json";
constexpr std::string_view takes_address = "ADDRESS NAME SUPERVISOR";

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
    return app.get_subcommands([](const CLI::App* c) { return !c->get_group().empty(); });
}

std::string options_of(const CLI::App& command) {
    std::string all;
    for (const CLI::Option* option : command.get_options()) {
        for (const std::string& name : option->get_lnames()) all += (all.empty() ? "--" : " --") + name;
    }
    return all;
}

bool takes(const CLI::App& command, std::string_view types) {
    return std::ranges::any_of(command.get_options(), [&](const CLI::Option* option) {
        return option->get_positional() && types.find(option->get_type_name()) != types.npos && !option->get_type_name().empty();
    });
}

/// The words that a positional chooses from, as CLI11 shows them: `{bash,zsh}`.
std::string choices_of(const CLI::App& command) {
    for (const CLI::Option* option : command.get_options()) {
        const std::string type = option->get_type_name();
        const auto open = type.find('{'), close = type.find('}');
        if (!option->get_positional() || open == type.npos || close == type.npos) continue;
        std::string words = type.substr(open + 1, close - open - 1);
        std::ranges::replace(words, ',', ' ');
        return words;
    }
    return {};
}

std::size_t distance(const std::string& a, const std::string& b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), 0);
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t corner = std::exchange(row[0], i);
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t swapped = corner + (a[i - 1] != b[j - 1]);
            corner = std::exchange(row[j], std::min({swapped, row[j] + 1, row[j - 1] + 1}));
        }
    }
    return row[b.size()];
}

std::string names_of(const CLI::App& app) {
    std::string names;
    for (const CLI::App* command : commands_of(app)) names += (names.empty() ? "" : " ") + command->get_name();
    return names;
}

/// A `case` branch for each command: its words, and whether addresses or files fit too.
std::string cases_of(const CLI::App& app) {
    std::string cases;
    for (const CLI::App* command : commands_of(app)) {
        const std::string choices = choices_of(*command);
        cases += fmt::format("        {}) words='{}{}{}'", command->get_name(), options_of(*command), choices.empty() ? "" : " ", choices);
        if (takes(*command, takes_address)) cases += "; addresses=1";
        if (takes(*command, takes_file)) cases += "; files=1";
        cases += " ;;\n";
    }
    return cases;
}

}  // namespace

std::string bash_completion(const CLI::App& app) {
    std::string script = R"sh(# supe: completion for bash. In ~/.bashrc: eval "$(supe completion bash)"
_supe() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
    local command= words= addresses= files= i
    local where=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        --state | --tree) where+=("${COMP_WORDS[i]}" "${COMP_WORDS[i+1]}"); ((++i)) ;;
        -*) ;;
        *) [[ -n $command ]] || command=${COMP_WORDS[i]} ;;
        esac
    done
    COMPREPLY=()
    case $prev in
    --state) mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
    --from-file) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
    --log-format) mapfile -t COMPREPLY < <(compgen -W 'text json' -- "$cur"); return ;;
    --tree | --timeout | --once | --lines | -n) return ;;
    esac
    case $command in
        '') words='@COMMANDS@ @GLOBAL@' ;;
@CASES@        *) return ;;
    esac
    [[ $cur == -* || -z $addresses ]] || words=$("${COMP_WORDS[0]}" status --json "${where[@]}" 2>/dev/null |
        grep -o '"address":"[^"]*"' | cut -d '"' -f 4)
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
    [[ $cur == -* || -z $files ]] || mapfile -t COMPREPLY < <(compgen -f -- "$cur")
}
complete -o filenames -F _supe supe
)sh";
    const auto put = [&script](const std::string& place, const std::string& text) { script.replace(script.find(place), place.size(), text); };
    put("@COMMANDS@", names_of(app));
    put("@GLOBAL@", options_of(app));
    put("@CASES@", cases_of(app));
    return script;
}

std::string zsh_completion(const CLI::App& app) {
    std::string script = R"sh(#compdef supe
# supe: completion for zsh. In ~/.zshrc, after compinit: eval "$(supe completion zsh)"
_supe() {
    local cur=${words[CURRENT]} prev=${words[CURRENT-1]} program=${words[1]}
    local command= addresses= files= i
    local -a where
    local list=
    for ((i = 2; i < CURRENT; i++)); do
        case ${words[i]} in
        --state | --tree) where+=("${words[i]}" "${words[i+1]}"); ((++i)) ;;
        -*) ;;
        *) [[ -n $command ]] || command=${words[i]} ;;
        esac
    done
    case $prev in
    --state) _files -/; return ;;
    --from-file) _files; return ;;
    --log-format) compadd text json; return ;;
    --tree | --timeout | --once | --lines | -n) return ;;
    esac
    case $command in
        '') list='@COMMANDS@ @GLOBAL@' ;;
@CASES@        *) return ;;
    esac
    if [[ $cur != -* && -n $addresses ]]; then
        list=$("$program" status --json "${where[@]}" 2>/dev/null | grep -o '"address":"[^"]*"' | cut -d '"' -f 4)
    fi
    compadd -- ${=list}
    if [[ $cur != -* && -n $files ]]; then _files -g '*.json'; fi
}
compdef _supe supe
)sh";
    std::string cases = cases_of(app);
    for (std::size_t at = 0; (at = cases.find("words=", at)) != std::string::npos;) cases.replace(at, 6, "list=");
    const auto put = [&script](const std::string& place, const std::string& text) { script.replace(script.find(place), place.size(), text); };
    put("@COMMANDS@", names_of(app));
    put("@GLOBAL@", options_of(app));
    put("@CASES@", cases);
    return script;
}

std::string nearest_command(const CLI::App& app, const std::string& typed) {
    std::string best;
    std::size_t least = 3;  // so many letters wrong are no typing error any more
    for (const CLI::App* command : commands_of(app)) {
        const std::string name = command->get_name();
        const std::size_t away = name.starts_with(typed) && typed.size() > 1 ? 1 : distance(typed, name);
        if (away < least) {
            least = away;
            best = name;
        }
    }
    return best;
}

}  // namespace components
