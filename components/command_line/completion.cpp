#include "components/command_line/completion.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <numeric>
#include <set>

namespace components {
namespace {

using command_path = std::pair<std::string, const command*>;  // `dead list`

std::vector<const command*> listed_in(const command& c) {
    std::vector<const command*> listed;
    for (const command& below : c.commands)
        if (*below.group) listed.push_back(&below);
    return listed;
}

/// The command itself, by its path, and all below it.
std::vector<command_path> with_all_below(const command& c, const std::string& path) {
    std::vector<command_path> all{{path, &c}};
    for (const command* below : listed_in(c)) {
        const auto more = with_all_below(*below, path + (path.empty() ? "" : " ") + below->name);
        all.insert(all.end(), more.begin(), more.end());
    }
    return all;
}

std::string names_of(const command& c) {
    std::string names;
    for (const command* below : listed_in(c))
        names += (names.empty() ? "" : " ") + std::string(below->name);
    return names;
}

/// `-n` and `--lines`; those of an argument: none.
std::vector<std::string> spellings(const parameter& p) {
    std::vector<std::string> all;
    if (!p.is_option()) return all;
    const std::string names = p.name;
    const auto comma = names.find(',');
    all.push_back(names.substr(0, comma));
    if (comma != names.npos) all.push_back(names.substr(comma + 1));
    return all;
}

/// The long ones, with those that the parser adds.
std::string flags_of(const command_path& path) {
    std::string all = path.first.empty() ? "--help --version" : "--help";
    for (const parameter& p : path.second->parameters) {
        for (const std::string& name : spellings(p))
            if (name.starts_with("--")) all += " " + name;
    }
    return all;
}

std::string choices_of(const parameter& p) {
    std::string words = p.choices;
    std::ranges::replace(words, ',', ' ');
    return words;
}

/// What completes an argument or the value of an option; empty where nothing does.
std::string kind_of(const parameter& p) {
    const std::string what = p.is_option() ? p.placeholder : p.name;
    if (*p.choices) return "words";
    if (what == "DIR") return "directory";
    if (what == "FILE" || what.ends_with(".json")) return "file";
    if (p.is_option()) return {};
    if (what == "ID") return "id";
    return what == "ADDRESS" || what == "NAME" || what == "SUPERVISOR" ? "address" : "";
}

/// A branch of `case $command`: what fits into each of its places, and its options.
std::string branch_of(const command_path& path) {
    std::string places, rest, list = names_of(*path.second);
    if (!list.empty()) places = "words";
    for (const parameter& p : path.second->parameters) {
        if (p.is_option()) continue;
        const std::string kind = kind_of(p);
        if (p.takes_many()) {
            rest = kind;
        } else {
            places += (places.empty() ? "" : " ") + (kind.empty() ? "-" : kind);
        }
        if (kind == "words") list = choices_of(p);
    }
    return fmt::format("    '{}') places=({}) rest='{}' list='{}' flags='{}' ;;\n", path.first,
                       places, rest, list, flags_of(path));
}

/// The tables of a script: which commands have commands below them, which options a value, and what
/// completes those.
struct tables {
    std::string groups, valued, values, branches;
};

tables tables_of(const command& program) {
    tables t;
    std::set<std::string> seen, completed;
    for (const command_path& path : with_all_below(program, "")) {
        t.branches += branch_of(path);
        if (!listed_in(*path.second).empty())
            t.groups += fmt::format("{}'{}'", t.groups.empty() ? "" : " | ", path.first);
        for (const parameter& p : path.second->parameters) {
            if (p.is_flag()) continue;
            const std::string kind = kind_of(p);
            for (const std::string& name : spellings(p)) {
                if (seen.insert(name).second) t.valued += (t.valued.empty() ? "" : " | ") + name;
                if (!kind.empty() && completed.insert(name).second)
                    t.values +=
                        fmt::format("    {}) kind={} list='{}' ;;\n", name, kind, choices_of(p));
            }
        }
    }
    return t;
}

/// What bash and zsh have in common: from the words before the one at the cursor (`typed`) and that
/// one (`cur`) to what fits there (`kind`), and the words to choose from (`list`).
std::string reading_of(const command& program) {
    std::string script =
        R"sh(    local word= option= command= kind= rest= list= flags= slash= given=0
    local -a where=() places=()
    for word in "${typed[@]}"; do
        [[ $word != = ]] || continue  # bash takes --state=DIR for three words
        if [[ -n $option ]]; then
            [[ $option != --state && $option != --tree ]] || where+=("$option" "${word/#\~\//$HOME/}")
            option=
            continue
        fi
        case $word in
        --state=* | --tree=*) where+=("$word") ;;
        @VALUED@) option=$word ;;
        -*) ;;
        *)
            case $command in
            @GROUPS@) command+=${command:+ }$word ;;
            *) ((++given)) ;;
            esac ;;
        esac
    done
    case $command in
@BRANCHES@    *) return 1 ;;
    esac
    kind=$rest
    for word in "${places[@]}"; do
        ((given-- != 0)) || kind=$word
    done
    [[ -n $kind && $cur != -* ]] || kind=flags
    case $option in
    '') ;;
@VALUES@    *) return 1 ;;
    esac
    [[ -z $cur || $cur == /* ]] || slash=/
    case $kind in
    address) list=$("$program" status --json "${where[@]}" 2>/dev/null | grep -o '"address":"[^"]*"' | cut -d '"' -f 4 | sed "s|^$slash||") ;;
    id) list=$("$program" "${command%% *}" list --json "${where[@]}" 2>/dev/null | grep -o '"id":"[^"]*"' | cut -d '"' -f 4) ;;
    flags) list=$flags ;;
    -) return 1 ;;
    esac
)sh";
    const tables t = tables_of(program);
    const auto put = [&script](const std::string& place, const std::string& text) {
        script.replace(script.find(place), place.size(), text);
    };
    put("@VALUED@", t.valued);
    put("@GROUPS@", t.groups);
    put("@BRANCHES@", t.branches);
    put("@VALUES@", t.values);
    return script;
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

}  // namespace

std::string bash_completion(const command& program) {
    return R"sh(# supe: completion for bash. In ~/.bashrc: eval "$(supe completion bash)"
_supe() {
    local program=${COMP_WORDS[0]/#\~\//$HOME/} cur=${COMP_WORDS[COMP_CWORD]}
    local -a typed=("${COMP_WORDS[@]:1:COMP_CWORD-1}")
    [[ $cur != = ]] || cur=
    COMPREPLY=()
)sh" + reading_of(program) +
           R"sh(    case $kind in
    file) compopt -o default ;;
    directory) compopt -o dirnames ;;
    *) mapfile -t COMPREPLY < <(compgen -W "$list" -- "$cur") ;;
    esac
}
complete -F _supe supe
)sh";
}

std::string zsh_completion(const command& program) {
    return R"sh(#compdef supe
# supe: completion for zsh. In ~/.zshrc, below compinit: eval "$(supe completion zsh)"; or a file _supe in $fpath.
_supe() {
    local program=${words[1]/#\~\//$HOME/} cur=${words[CURRENT]}
    local -a typed=("${(@)words[2,CURRENT-1]}")
    if [[ $cur == --*=* ]]; then
        typed+=("${cur%%=*}")
        cur=${cur#*=}
        compset -P '*='
    fi
)sh" + reading_of(program) +
           R"sh(    case $kind in
    file) _files ;;
    directory) _files -/ ;;
    *) compadd -- ${=list} ;;
    esac
}
if [[ ${funcstack[1]} == _supe ]]; then _supe "$@"; else compdef _supe supe; fi
)sh";
}

std::string nearest_command(const command& program, const std::string& typed) {
    std::string best;
    std::size_t least = 3;  // so many letters wrong are no typing error any more
    for (const command* c : listed_in(program)) {
        const std::string name = c->name;
        const std::size_t away =
            name.starts_with(typed) && typed.size() > 1 ? 1 : distance(typed, name);
        if (away < least) {
            least = away;
            best = name;
        }
    }
    return best;
}

}  // namespace components
