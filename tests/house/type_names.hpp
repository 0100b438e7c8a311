// A rule of the house: two headers of one namespace give no two types one name. The linker takes
// the functions of either for both, without a word.
#pragma once

#include "tests/house/rules.hpp"

#include <regex>
#include <sstream>

namespace rules {

/// Of the floors whose folders share a namespace.
inline faults types_have_own_names(const files& all) {
    static const std::regex definition(R"(^(?:struct|class|enum class) (\w+)[^;()]*\{.*)");
    std::map<std::string, std::string> first;  // by floor and name: where it stands
    faults found;
    for (const auto& f : all) {
        const std::string floor = part(f.path, 0);
        if (!f.is_header() || (floor != "components" && floor != "patterns")) continue;
        std::istringstream lines(f.code);
        std::size_t number = 0;
        for (std::string line; std::getline(lines, line);) {
            ++number;
            std::smatch match;
            if (!std::regex_match(line, match, definition)) continue;
            const auto [known, fresh] = first.emplace(floor + " " + match[1].str(), f.path);
            if (!fresh)
                found.push_back(at(f, number) + match[1].str() + " is a type of " + known->second +
                                " already");
        }
    }
    return found;
}

}  // namespace rules
