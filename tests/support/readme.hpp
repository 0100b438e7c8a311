// Examples of the pages of the repository, as text that a test can run.
#pragma once

#include "tests/support/files.hpp"

#include <stdexcept>
#include <string>

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

}  // namespace support
