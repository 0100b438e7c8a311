// Examples of the pages of the repository, as text that a test can run.
#pragma once

#include "tests/support/files.hpp"

#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>

namespace support {

/// The text between the first `beginning` and the next `end`, without both. `page`: a path from the
/// top of the repository.
inline std::string shown_in(const std::string& page, const std::string& beginning,
                            const std::string& end) {
    const std::string text = read_file(std::filesystem::path(SUPE_SOURCE_DIR) / page);
    const auto at = text.find(beginning);
    if (at == text.npos) throw std::runtime_error(page + " does not show " + beginning);
    const auto from = at + beginning.size();
    return text.substr(from, text.find(end, from) - from);
}

/// The first block of code in this language.
inline std::string code_in(const std::string& page, const std::string& language) {
    return shown_in(page, "\n```" + language + "\n", "```\n");
}

/// The files of the section with this heading, by name: the blocks below a line "`NAME`:", and a
/// block of JSON without a name as tree.json.
inline std::map<std::string, std::string> files_in(const std::string& page,
                                                   const std::string& heading) {
    std::istringstream section(shown_in(page, "\n## " + heading + "\n", "\n## "));
    std::map<std::string, std::string> files;
    std::string named, line;
    while (std::getline(section, line)) {
        if (line.starts_with('`') && line.ends_with("`:")) named = line.substr(1, line.size() - 3);
        if (!line.starts_with("```")) continue;
        const std::string name =
            !named.empty() ? std::exchange(named, {}) : (line == "```json" ? "tree.json" : "");
        std::string text;
        while (std::getline(section, line) && line != "```") text += line + '\n';
        if (!name.empty()) files[name] = text;
    }
    return files;
}

}  // namespace support
