// The rules of the house, each a function from files to faults. A fault says file:line and what is
// wrong.
#pragma once

#include "tests/house/page_text.hpp"
#include "tests/house/source_text.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

namespace rules {

struct file {
    file(std::string where, std::string what)
        : path(std::move(where)), text(std::move(what)),
          code(is_source() ? without_comments_and_literals(text) : "") {}

    bool is_source() const { return path.ends_with(".hpp") || path.ends_with(".cpp"); }
    bool is_header() const { return path.ends_with(".hpp"); }
    /// The folders that it is in: `supe/mail/` for supe/mail/mailbox.hpp.
    std::string folder() const { return path.substr(0, path.rfind('/') + 1); }
    std::string stem() const { return std::filesystem::path(path).stem().string(); }

    std::string path;  ///< from the top of the repository
    std::string text;
    std::string code;
};
using files = std::vector<file>;
using faults = std::vector<std::string>;

template <class Line>
std::string at(const file& f, Line line) {
    return fmt::format("{}:{}: ", f.path, line);
}

inline bool starts_with_any(const std::string& path, const std::vector<std::string>& beginnings) {
    return std::ranges::any_of(beginnings, [&path](const auto& b) { return path.starts_with(b); });
}

/// All files that belong to the repository: not what is built, nor dot-directories other than .ci
/// and .github.
inline files read_all(const std::filesystem::path& top) {
    files all;
    std::filesystem::recursive_directory_iterator entry(top), end;
    for (; entry != end; ++entry) {
        const auto name = entry->path().filename().string();
        const bool left_out = (name.starts_with('.') && name != ".ci" && name != ".github") ||
                              name == "build" || name.starts_with("build-");
        if (left_out && entry->is_directory()) entry.disable_recursion_pending();
        if (left_out || !entry->is_regular_file()) continue;
        std::ifstream in(entry->path(), std::ios::binary);
        std::string text((std::istreambuf_iterator<char>(in)), {});
        all.emplace_back(entry->path().lexically_relative(top).string(), std::move(text));
    }
    std::ranges::sort(all, {}, &file::path);
    return all;
}

// --- floors ---

/// Which rooms of supe/ each one sees, besides itself.
inline const std::map<std::string, std::set<std::string>> rooms{
    {"async", {}},
    {"storage", {"async"}},
    {"text", {"storage"}},
    {"process", {"async", "storage"}},
    {"channel", {"async", "text"}},
    {"output", {"async", "text", "storage"}},
    {"mail", {"async", "text", "storage", "channel"}},
    {"noticeboard", {}},
    {"tree", {"text", "process", "mail"}},
    {"supervision",
     {"async", "text", "storage", "process", "channel", "output", "mail", "noticeboard", "tree"}},
    {"component", {"async", "text", "channel"}},
    {"control",
     {"async", "text", "storage", "process", "channel", "output", "mail", "noticeboard", "tree",
      "supervision"}},
    {"run",
     {"async", "text", "storage", "process", "channel", "output", "mail", "noticeboard", "tree",
      "supervision", "component", "control"}},
    {"simulation",
     {"async", "text", "storage", "process", "channel", "output", "mail", "noticeboard", "tree",
      "supervision", "component"}},
};

/// Floors from the ground; each sees those below it, and itself.
inline const std::vector<std::string> floors{"supe", "patterns", "components", "tests"};

/// Folders of components/ from the ground: what components share, the components, and those above
/// them, each on a step of its own. A component never includes another.
inline const std::map<std::string, int> component_steps{
    {"http", 0},  {"webhook", 0},         {"verification", 0}, {"direct_line", 1},
    {"admin", 2}, {"connection_lock", 2}, {"demo", 2},         {"forwarder", 2},
    {"queue", 2}, {"retrier", 2},         {"http_server", 2},  {"relay", 3},
    {"chaos", 3}, {"conformance", 3},     {"command_line", 4},
};

/// The nth step of a path, or nothing: part("supe/mail/mailbox.hpp", 1) is `mail`.
inline std::string part(const std::filesystem::path& path, std::ptrdiff_t n) {
    return std::distance(path.begin(), path.end()) > n ? std::next(path.begin(), n)->string()
                                                       : std::string();
}

/// Why `from` may not include `to` (both from the top of the repository); empty when it may.
inline std::string upward_or_sideways(const std::string& from, const std::string& to) {
    const auto from_floor = std::ranges::find(floors, part(from, 0));
    const auto to_floor = std::ranges::find(floors, part(to, 0));
    if (to_floor == floors.end() || to_floor < from_floor) return {};  // not ours, or below
    if (to_floor > from_floor)
        return fmt::format("{}/ does not see {}/", part(from, 0), part(to, 0));
    if (part(from, 0) == "supe" && part(from, 1) != part(to, 1)) {
        const auto room = rooms.find(part(from, 1));
        if (room == rooms.end())
            return fmt::format("supe/{}/ is not in this test's table of rooms", part(from, 1));
        if (!room->second.contains(part(to, 1)))
            return fmt::format("supe/{}/ does not see supe/{}/", room->first, part(to, 1));
    }
    if (part(from, 0) == "components" && !part(from, 2).empty() && part(from, 1) != part(to, 1)) {
        const auto above = component_steps.find(part(from, 1));
        const auto below = component_steps.find(part(to, 1));
        if (above == component_steps.end() || below == component_steps.end())
            return fmt::format(
                "components/{}/ or components/{}/ is not in this test's table of steps",
                part(from, 1), part(to, 1));
        const bool shared = above->second == 0 && below->second == 0;
        if (below->second >= above->second && !shared)
            return fmt::format("components/{}/ does not see components/{}/", part(from, 1),
                               part(to, 1));
    }
    return {};
}

inline faults includes_point_down(const files& all) {
    faults found;
    for (const auto& f : all)
        for (const auto& include : includes_of(f.code))
            if (const auto why = upward_or_sideways(f.path, include.text); !why.empty())
                found.push_back(
                    fmt::format("{}includes {}: {}", at(f, include.line), include.text, why));
    return found;
}

/// What only few may include, and who may: by the beginning of their path.
struct reserved_include {
    std::string header;
    std::vector<std::string> allowed;
};
inline const std::vector<reserved_include> reserved_includes{
    {"boost/process", {"supe/process/posix_launcher.cpp"}},
    {"boost/beast", {"components/http/", "tests/"}},
    {"prometheus/", {"components/admin/"}},
    {"boost/asio.hpp", {}},  // all of Asio: slow to compile, and hides what a file needs
};

inline faults includes_are_reserved(const files& all) {
    faults found;
    for (const auto& f : all)
        for (const auto& include : includes_of(f.code))
            for (const auto& [header, allowed] : reserved_includes) {
                if (!include.text.starts_with(header) || starts_with_any(f.path, allowed)) continue;
                const auto whom =
                    allowed.empty() ? "nobody" : fmt::format("{}", fmt::join(allowed, ", "));
                found.push_back(fmt::format("{}includes {}, which is for {}", at(f, include.line),
                                            include.text, whom));
            }
    return found;
}

// --- words ---

/// Words that occur nowhere, and why. Put together here from halves, so that this file passes too.
struct banned_word {
    std::string word;
    std::string why;
    std::vector<std::string> where;  ///< beginnings of paths; all files where empty
};
inline const std::vector<banned_word> banned_words{
    {"deta"
     "ched",
     "a nursery owns every coroutine",
     {"supe/", "patterns/", "components/"}},
    {"this_thread::"
     "sleep",
     "wait for the notice or the frame, with a limit",
     {}},
    {"TO"
     "DO",
     "finish it, or say in the README what is missing",
     {}},
    {"FIX"
     "ME",
     "finish it, or say in the README what is missing",
     {}},
    {"/wo"
     "rk/",
     "the place of one machine",
     {}},
    {"/ho"
     "me/",
     "the place of one machine",
     {}},
    {"/ro"
     "ot/",
     "the place of one machine",
     {}},
};

inline faults words_are_banned(const files& all) {
    faults found;
    for (const auto& f : all)
        for (const auto& [word, why, where] : banned_words) {
            if (!where.empty() && !starts_with_any(f.path, where)) continue;
            if (f.text.find(word) == std::string::npos)
                continue;  // nearly always: no need to look at each line
            for (const auto& line : lines_of(f.text))
                if (line.text.find(word) != std::string::npos)
                    found.push_back(fmt::format("{}{}: {}", at(f, line.line), word, why));
        }
    return found;
}

/// A header imposes its names on nobody.
inline faults headers_use_no_namespace(const files& all) {
    faults found;
    for (const auto& f : all) {
        if (!f.is_header()) continue;
        for (const auto& line : lines_of(f.code))
            if (line.text.find("using namespace") != std::string::npos)
                found.push_back(at(f, line.line) + "using namespace in a header");
    }
    return found;
}

// --- sizes ---

inline constexpr std::size_t longest_function = 70;  // lines
inline constexpr std::ptrdiff_t longest_file = 400;
inline constexpr std::ptrdiff_t longest_test_file = 525;

inline faults sizes_are_bounded(const files& all) {
    faults found;
    for (const auto& f : all) {
        if (!f.is_source()) continue;
        const auto lines = std::ranges::count(f.text, '\n');
        const auto longest = f.path.starts_with("tests/") ? longest_test_file : longest_file;
        if (lines > longest)
            found.push_back(
                fmt::format("{}{} lines, {} are allowed", at(f, longest), lines, longest));
        for (const auto& function : function_finder::find(f.code))
            if (function.lines > longest_function)
                found.push_back(fmt::format("{}{} has {} lines, {} are allowed",
                                            at(f, function.line), function.text, function.lines,
                                            longest_function));
    }
    return found;
}

// --- what there is ---

inline const std::set<std::string> top_level{
    "CMakeLists.txt", "CMakePresets.json", "README.md",  "LICENSE", "run",
    "supe",           "patterns",          "components", "tests"};

inline faults top_level_is_clean(const files& all) {
    faults found;
    for (const auto& f : all) {
        const auto name = part(f.path, 0);
        const bool belongs = name.starts_with('.') || top_level.contains(name);
        if (!belongs) found.push_back(f.path + ": does not belong at the top");
    }
    return found;
}

inline bool is_mirror(const std::string& room) {
    const auto name = room.substr(0, room.find('/'));
    return rooms.contains(name) || std::ranges::count(floors, name);
}

/// Each floor has a README.md, which names each of its folders as `folder/`; tests/ only those that
/// mirror no other.
inline faults folders_are_described(const files& all) {
    std::map<std::string, const file*> readmes;
    for (const auto& f : all)
        if (f.path.ends_with("README.md")) readmes[f.folder()] = &f;
    std::set<std::string> found;
    if (!readmes.contains("")) found.insert("README.md: there is none");
    for (const auto& f : all) {
        if (!std::ranges::count(floors, part(f.path, 0))) continue;
        const auto floor = part(f.path, 0) + "/";
        const auto readme = readmes.find(floor);
        const auto room = part(f.path, 2).empty() ? std::string() : part(f.path, 1) + "/";
        if (readme == readmes.end())
            found.insert(fmt::format("{}README.md: there is none", floor));
        else if (readme->second->text.find(room) == std::string::npos &&
                 !(floor == "tests/" && is_mirror(room)))
            found.insert(fmt::format("{}README.md: does not describe {}", floor, room));
    }
    return {found.begin(), found.end()};
}

/// Each line of the table of guarantees (supe/README.md, Mail) names the tests that show it as
/// `suite/case` in its last column, and they exist.
inline faults guarantees_are_tested(const files& all) {
    std::set<std::string> cases;
    std::string page;
    for (const auto& f : all) {
        if (f.path == "supe/README.md") page = f.text;
        if (!f.path.starts_with("tests/") || !f.stem().ends_with("_test")) continue;
        const auto suite = f.stem().substr(0, f.stem().size() - 5);
        for (auto at = f.code.find("TEST_CASE("); at != std::string::npos;
             at = f.code.find("TEST_CASE(", at + 1))
            cases.insert(suite + "/" +
                         f.code.substr(at + 10, f.code.find_first_of(",)", at) - at - 10));
    }
    faults found;
    bool in_mail = false;
    for (const auto& line : lines_of(page)) {
        const auto& text = line.text;
        const auto where = fmt::format("supe/README.md:{}: ", line.line);
        if (text.starts_with("## ")) in_mail = text == "## Mail";
        if (!in_mail || !text.starts_with("| **")) continue;
        const auto column = text.rfind(" | ");
        std::size_t named = 0;
        for (auto at = text.find('`', column); at != std::string::npos;
             at = text.find('`', text.find('`', at + 1) + 1)) {
            const auto name = text.substr(at + 1, text.find('`', at + 1) - at - 1);
            if (!cases.contains(name)) found.push_back(where + "there is no test " + name);
            ++named;
        }
        if (named == 0) found.push_back(where + "names no test");
    }
    return found;
}

/// What everything else refers to by its sections: `contract §5`, or `§5` alone.
inline const std::string contract = "supe/contract.md";

/// Each `§N` is a section of the contract (`## N. Title`), but for those of other documents.
inline faults sections_exist(const files& all) {
    std::set<std::string> sections;
    for (const auto& f : all) {
        if (f.path != contract) continue;
        for (const auto& heading : headings_of(f.text))
            sections.insert(heading.text.substr(0, heading.text.find('.')));
    }
    faults found;
    for (const auto& f : all)
        for (const auto& section : sections_of(f.text))
            if (!sections.contains(section.text))
                found.push_back(fmt::format("{}there is no \u00a7{} in {}", at(f, section.line),
                                            section.text, contract));
    return found;
}

/// Each relative link of a page leads to a file or folder of the repository, and its `#anchor` to a
/// heading there.
inline faults links_lead_somewhere(const files& all) {
    std::set<std::string> places;  // files, and folders with and without their slash
    std::map<std::string, std::set<std::string>> anchors;
    for (const auto& f : all) {
        places.insert(f.path);
        for (auto slash = f.path.find('/'); slash != std::string::npos;
             slash = f.path.find('/', slash + 1)) {
            places.insert(f.path.substr(0, slash));
            places.insert(f.path.substr(0, slash + 1));
        }
        if (f.path.ends_with(".md")) anchors[f.path] = anchors_of(f.text);
    }
    faults found;
    for (const auto& f : all) {
        if (!f.path.ends_with(".md")) continue;
        for (const auto& link : links_of(f.text)) {
            if (link.text.find("://") != std::string::npos) continue;
            const std::string target = link.text.substr(0, link.text.find('#'));
            const std::string anchor =
                link.text.substr(std::min(target.size() + 1, link.text.size()));
            const auto below = std::filesystem::path(f.folder()) / target;
            const std::string place = target.empty() ? f.path : below.lexically_normal().string();
            if (!places.contains(place))
                found.push_back(fmt::format("{}there is no {}", at(f, link.line), place));
            else if (!anchor.empty() && !anchors[place].contains(anchor))
                found.push_back(
                    fmt::format("{}{} has no heading #{}", at(f, link.line), place, anchor));
        }
    }
    return found;
}

/// Sources without a header of their own, and why.
inline const std::map<std::string, std::string> headless{
    {"supe/async/asio.cpp", "compiles Asio"},
    {"supe/component/run.cpp", "run_component, declared in component.hpp"},
    {"supe/component/own_supervisor.cpp", "declared in component.hpp"},
    {"supe/tree/tree_json.cpp", "to_json, declared in tree_file.hpp"},
    {"supe/tree/tree_source.cpp", "declared in tree_file.hpp"},
    {"components/http/beast.cpp", "compiles Beast"},
    {"components/queue/operator_logic.cpp", "declared in queue_logic.hpp"},
    {"components/queue/result_logic.cpp", "declared in queue_logic.hpp"},
    {"components/queue/operator_store.cpp", "declared in webhook_store.hpp"},
    {"components/queue/search_store.cpp", "declared in webhook_store.hpp"},
    {"components/queue/waiting_store.cpp", "declared in webhook_store.hpp"},
    {"components/queue/duplicate_store.cpp", "declared in webhook_store.hpp"},
    {"components/command_line/administration.cpp", "declared in commands.hpp"},
    {"components/command_line/chaos.cpp", "declared in commands.hpp"},
    {"components/command_line/conformance.cpp", "declared in commands.hpp"},
    {"components/command_line/dead.cpp", "declared in commands.hpp"},
    {"components/command_line/webhooks.cpp", "declared in commands.hpp"},
    {"components/command_line/doctor.cpp", "declared in commands.hpp"},
    {"components/command_line/logs.cpp", "declared in commands.hpp"},
    {"components/command_line/mail.cpp", "declared in commands.hpp"},
    {"components/command_line/new.cpp", "declared in commands.hpp"},
    {"components/command_line/notices.cpp", "declared in commands.hpp"},
    {"components/command_line/relay.cpp", "declared in commands.hpp"},
    {"components/command_line/run.cpp", "declared in commands.hpp"},
    {"components/command_line/status.cpp", "declared in commands.hpp"},
    {"components/main.cpp", "main"},
    {"patterns/examples/overseer.cpp", "a program to copy"},
};

/// NAME.cpp has NAME.hpp beside it; NAME_PART.cpp may be a further part of NAME.cpp.
inline faults sources_have_headers(const files& all) {
    std::set<std::string> paths;
    for (const auto& f : all) paths.insert(f.path);
    faults found;
    for (const auto& f : all) {
        if (!f.path.ends_with(".cpp") || part(f.path, 0) == "tests" || headless.contains(f.path))
            continue;
        bool matched = false;
        for (auto stem = f.stem(); !stem.empty();
             stem.erase(stem.rfind('_') == stem.npos ? 0 : stem.rfind('_')))
            matched = matched || paths.contains(f.folder() + stem + ".hpp");
        if (!matched)
            found.push_back(at(f, 1) + "has no header, and this test's list has no reason for it");
    }
    return found;
}

/// The words of a source that are followed by an opening parenthesis, and all its words.
inline std::map<std::string, std::size_t> words_of(const std::string& code) {
    std::map<std::string, std::size_t> words;
    const auto is_word = [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) || c == '_';
    };
    for (std::size_t at = 0; at < code.size();) {
        const auto begin =
            std::find_if(code.begin() + static_cast<std::ptrdiff_t>(at), code.end(), is_word);
        const auto end = std::find_if_not(begin, code.end(), is_word);
        if (begin != end) ++words[std::string(begin, end)];
        at = static_cast<std::size_t>(end - code.begin());
    }
    return words;
}

/// A function that a header of ours declares is called somewhere: one word is a declaration or an
/// inline function alone, two are a declaration and its definition.
inline faults declarations_are_used(const files& all) {
    std::map<std::string, std::size_t> total;
    std::map<std::string, std::map<std::string, std::size_t>> of_file;
    for (const auto& f : all) {
        if (!f.is_source()) continue;
        of_file[f.path] = words_of(f.code);
        for (const auto& [word, n] : of_file[f.path]) total[word] += n;
    }
    faults found;
    for (const auto& f : all) {
        if (!f.is_header() || f.path.starts_with("tests/")) continue;
        for (const auto& line : lines_of(f.code)) {
            const auto open = line.text.find('(');
            if (open == std::string::npos || open == 0) continue;
            auto begin = open;
            while (begin > 0 && (std::isalnum(static_cast<unsigned char>(line.text[begin - 1])) ||
                                 line.text[begin - 1] == '_'))
                --begin;
            const auto name = line.text.substr(begin, open - begin);
            // A declaration has a type before its name.
            const bool declares = !name.empty() && begin > 1 && line.text[begin - 1] == ' ' &&
                                  line.text.find_first_not_of(' ') < begin;
            if (!declares || name.front() < 'a') continue;
            const auto defined = of_file[f.folder() + f.stem() + ".cpp"].contains(name) ? 1u : 0u;
            if (total[name] <= 1 + defined)
                found.push_back(at(f, line.line) + name + " is declared, and used nowhere");
        }
    }
    return found;
}

/// What users include, and we ourselves perhaps only in tests.
inline const std::vector<std::string> for_users{"patterns/", "supe/component/", "supe/simulation/",
                                                "tests/"};

/// A header lives by those who include it: not its own source, nor (where it is not for users) its
/// tests.
inline faults headers_are_used(const files& all) {
    std::map<std::string, std::set<std::string>> includers;
    for (const auto& f : all)
        for (const auto& include : includes_of(f.code)) includers[include.text].insert(f.path);
    faults found;
    for (const auto& f : all) {
        if (!f.is_header() || f.stem() == "precompiled") continue;  // CMake includes those
        const auto counts = [&f](const std::string& includer) {
            if (includer == f.folder() + f.stem() + ".cpp") return false;
            return !includer.starts_with("tests/") || starts_with_any(f.path, for_users);
        };
        if (!std::ranges::any_of(includers[f.path], counts))
            found.push_back(at(f, 1) + "nobody includes it");
    }
    return found;
}

}  // namespace rules
