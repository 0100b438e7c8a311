// Pages as the house's rules see them: without code, cut into headings and links; and where a text
// speaks of a section.
#pragma once

#include "tests/house/source_text.hpp"

#include <map>
#include <regex>
#include <set>

namespace rules {

/// The page with its fenced blocks made blank; every line stays where it is.
inline std::string without_fences(std::string_view page) {
    std::string text;
    bool inside = false;
    for (const auto& line : lines_of(page)) {
        const auto first = line.text.find_first_not_of(' ');
        const bool fence = first != std::string::npos && line.text.substr(first, 3) == "```";
        if (!fence && !inside) text += line.text;
        if (fence) inside = !inside;
        text += '\n';
    }
    return text;
}

/// The page with the contents of `code` made blank, which ends with its paragraph at the latest.
inline std::string without_code(std::string_view page) {
    std::string text = without_fences(page);
    for (auto at = text.find('`'); at != std::string::npos; at = text.find('`', at)) {
        const auto open = std::min(text.find_first_not_of('`', at), text.size());
        const std::string mark = text.substr(at, open - at);
        const auto paragraph = std::min(text.find("\n\n", at), text.size());
        auto close = text.find(mark, open);
        while (close < paragraph && text.find_first_not_of('`', close) > close + mark.size())
            close = text.find(mark, text.find_first_not_of('`', close));
        at = open;
        if (close >= paragraph) continue;  // a backtick that opens nothing
        for (auto i = open; i < close; ++i)
            if (text[i] != '\n') text[i] = ' ';
        at = close + mark.size();
    }
    return text;
}

/// The headings, without their `#`.
inline std::vector<piece> headings_of(std::string_view page) {
    std::vector<piece> all;
    for (const auto& line : lines_of(without_fences(page))) {
        const auto level = line.text.find_first_not_of('#');
        if (level == 0 || level > 6 || line.text[level] != ' ') continue;
        all.push_back({line.text.substr(level + 1), line.line});
    }
    return all;
}

/// What GitHub makes of a heading: small letters, hyphens for blanks, no punctuation but `-` and
/// `_`. Of what is not ASCII, letters stay: those that we use are of two bytes, and signs of three.
inline std::string anchor_of(std::string_view heading) {
    std::string anchor;
    for (std::size_t at = 0; at < heading.size(); ++at) {
        const auto c = static_cast<unsigned char>(heading[at]);
        if (c == ' ') {
            anchor += '-';
        } else if (std::isalnum(c) || c == '-' || c == '_') {
            anchor += static_cast<char>(std::tolower(c));
        } else if (c == 0xc2 || c >= 0xe0) {  // a sign: `§`, `…`
            at += c == 0xc2 ? 1 : c < 0xf0 ? 2 : 3;
        } else if (c >= 0x80) {
            anchor += static_cast<char>(c);
        }
    }
    return anchor;
}

/// A heading that comes again gets a number: `mail`, `mail-1`.
inline std::set<std::string> anchors_of(std::string_view page) {
    std::set<std::string> all;
    std::map<std::string, unsigned> seen;
    for (const auto& heading : headings_of(page)) {
        const std::string anchor = anchor_of(heading.text);
        const unsigned times = seen[anchor]++;
        all.insert(times == 0 ? anchor : anchor + "-" + std::to_string(times));
    }
    return all;
}

/// Where the links of a page lead: `[text](target)`, and `[name]: target` at the beginning of a
/// line.
inline std::vector<piece> links_of(std::string_view page) {
    std::vector<piece> all;
    for (const auto& line : lines_of(without_code(page))) {
        const auto add = [&](std::size_t from) {
            const auto end = std::min(line.text.find_first_of(" )", from), line.text.size());
            all.push_back({line.text.substr(from, end - from), line.line});
        };
        for (auto at = line.text.find("]("); at != std::string::npos;
             at = line.text.find("](", at + 2))
            add(at + 2);
        if (const auto named = line.text.find("]: ");
            line.text.starts_with('[') && named != std::string::npos)
            add(named + 3);
    }
    return all;
}

/// The sections that a text refers to by `§`, as numbers: `7`, `7.6.1`. Not those of other
/// documents, whose name stands before them (maybe on the line above, in the same comment).
inline std::vector<piece> sections_of(std::string_view text) {
    static const std::regex of_another(
        R"((RFC[\s/#*]*[0-9]+|OTP)[\s/#*,]*(§[0-9.]+[\s/#*,]*(and\s+)?)*$)");
    constexpr std::string_view sign = "§";
    constexpr std::size_t far_enough = 80;  // bytes, for a name before it
    std::vector<piece> all;
    std::size_t line = 1, counted = 0;
    for (auto at = text.find(sign); at != text.npos; at = text.find(sign, at + 1)) {
        line +=
            static_cast<std::size_t>(std::ranges::count(text.substr(counted, at - counted), '\n'));
        counted = at;
        std::size_t end = at + sign.size();
        while (end < text.size() && (std::isdigit(static_cast<unsigned char>(text[end])) ||
                                     (text[end] == '.' && end + 1 < text.size() &&
                                      std::isdigit(static_cast<unsigned char>(text[end + 1])))))
            ++end;
        const std::string number(text.substr(at + sign.size(), end - at - sign.size()));
        const auto begin = at - std::min(at, far_enough);
        const std::string before(text.substr(begin, at - begin));
        if (!number.empty() && !std::regex_search(before, of_another))
            all.push_back({number, line});
    }
    return all;
}

}  // namespace rules
