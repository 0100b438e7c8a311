// Source files as the house's rules see them: without comments and literals, cut into includes and
// functions.
#pragma once

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace rules {

/// The text with the contents of comments, strings and characters made blank; every line stays
/// where it is. The names of included files are kept.
inline std::string without_comments_and_literals(std::string_view text) {
    std::string code(text);
    const auto blank = [&code](std::size_t from, std::size_t to) {
        for (; from < to && from < code.size(); ++from)
            if (code[from] != '\n') code[from] = ' ';
    };
    const auto end_of = [text](std::string_view what, std::size_t from) {
        const auto at = text.find(what, from);
        return at == text.npos ? text.size() : at + what.size();
    };
    const auto end_of_quoted = [text](char quote, std::size_t at) {
        for (++at; at < text.size() && text[at] != quote && text[at] != '\n'; ++at)
            if (text[at] == '\\') ++at;
        return at + 1;
    };
    std::size_t line = 0;
    for (std::size_t at = 0; at < text.size();) {
        std::size_t end = at + 1;
        const auto rest = text.substr(at);
        const bool in_word = at > 0 && std::isalnum(static_cast<unsigned char>(text[at - 1]));
        if (text[at] == '\n') {
            line = end;
        } else if (rest.starts_with("//")) {
            end = text.find('\n', at) == text.npos ? text.size() : text.find('\n', at);
            blank(at, end);
        } else if (rest.starts_with("/*")) {
            end = end_of("*/", at + 2);
            blank(at, end);
        } else if (rest.starts_with("R\"") && !in_word) {
            const auto open = text.find('(', at);
            if (open == text.npos) break;
            end = end_of(")" + std::string(text.substr(at + 2, open - at - 2)) + "\"", open);
            blank(at + 2, end - 1);
        } else if (text[at] == '"' || (text[at] == '\'' && !in_word)) {  // 1'000 is no character
            end = end_of_quoted(text[at], at);
            const bool is_include = text.substr(line, at - line).find("#include") != text.npos;
            if (!is_include) blank(at + 1, end - 1);
        }
        at = end;
    }
    return code;
}

/// A piece of a file and the line it begins in, counted from 1.
struct piece {
    std::string text;
    std::size_t line = 0;
    std::size_t lines = 1;
};

inline std::vector<piece> lines_of(std::string_view text) {
    std::vector<piece> all;
    for (std::size_t at = 0; at < text.size();) {
        auto end = text.find('\n', at);
        if (end == text.npos) end = text.size();
        all.push_back({std::string(text.substr(at, end - at)), all.size() + 1});
        at = end + 1;
    }
    return all;
}

/// What is included, without quotes or brackets.
inline std::vector<piece> includes_of(const std::string& code) {
    std::vector<piece> all;
    for (const auto& line : lines_of(code)) {
        const auto word = line.text.find("#include");
        const auto open =
            line.text.find_first_of("\"<", word == std::string::npos ? line.text.size() : word);
        const auto close = line.text.find_first_of("\">", open + 1);
        if (word == std::string::npos || open == std::string::npos || close == std::string::npos)
            continue;
        all.push_back({line.text.substr(open + 1, close - open - 1), line.line});
    }
    return all;
}

/// The functions of a file: what stands in braces behind a parameter list, outside of any other
/// function.
class function_finder {
public:
    static std::vector<piece> find(const std::string& code) {
        function_finder finder;
        for (const auto& line : lines_of(code)) {
            finder.line_ = line.line;
            const auto first = line.text.find_first_not_of(' ');
            if (first == std::string::npos || line.text[first] == '#') continue;
            if (line.text.starts_with("BOOST_AUTO_TEST_SUITE"))
                continue;  // ends without a semicolon
            for (const char c : line.text) finder.step(c);
            finder.head_ += ' ';
        }
        if (finder.closed_) finder.finish();
        return finder.functions_;
    }

private:
    void step(char c) {
        if (closed_ &&
            c != ' ') {  // `a_{1}, b_{2} {`: a constructor's members come before its body
            if (c != ',' && c != '{') finish();
            closed_ = false;
        }
        if (c == '{') {
            open();
        } else if (c == '}') {
            close();
        } else if (inside_ == 0) {
            if (c == ';') return restart();
            if (head_.find_first_not_of(' ') == std::string::npos && c != ' ') begun_ = line_;
            head_ += c;
        }
    }

    void open() {
        if (inside_ > 0 || !is_scope()) {
            ++inside_;
        } else {
            restart();
        }
    }

    void close() {
        if (inside_ == 0) return restart();  // the end of a namespace or class
        if (--inside_ > 0 || in_parameters()) return;
        ended_ = line_;
        closed_ = true;
        if (head_.find('(') == std::string::npos) restart();  // a table, a member's initializer
    }

    bool in_parameters() const {
        return std::ranges::count(head_, '(') > std::ranges::count(head_, ')');
    }  // `o = {}`

    bool is_scope() const {
        if (head_.find('(') != std::string::npos) return false;
        for (const char* word : {"namespace", "class", "struct", "union", "extern"})
            if (head_.find(word) != std::string::npos) return true;
        return false;
    }

    void finish() {
        std::string name = head_.substr(0, head_.find('('));
        name.erase(name.find_last_not_of(' ') + 1);
        name.erase(0, name.find_last_of(" *&") + 1);
        functions_.push_back({name, begun_, ended_ - begun_ + 1});
        restart();
    }

    void restart() {
        head_.clear();
        closed_ = false;
    }

    std::vector<piece> functions_;
    std::string head_;
    std::size_t line_ = 0;
    std::size_t begun_ = 0;
    std::size_t ended_ = 0;
    int inside_ = 0;
    bool closed_ = false;
};

}  // namespace rules
