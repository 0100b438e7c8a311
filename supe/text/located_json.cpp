#include "supe/text/located_json.hpp"

#include "supe/text/json_text.hpp"
#include "supe/text/json_value.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <boost/json/serialize.hpp>
#include <unordered_set>

namespace supe {
namespace {

constexpr std::size_t size_limit = 16u << 20;
constexpr unsigned depth_limit = 128;

/// At most 60 bytes, never cut within a character.
std::string shortened(std::string text) {
    if (text.size() <= 60) return text;
    std::size_t end = 57;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
    return text.substr(0, end) + "...";
}

class reader {
public:
    explicit reader(std::string_view text) : text_(text) {}

    located_value read_all() {
        if (text_.size() > size_limit) fail("the file is larger than 16 MiB");
        if (text_.starts_with("\xef\xbb\xbf"))
            at_ = 3;  // some editors begin a file so; RFC 8259 §8.1 lets us pass over it
        located_value v = value(0);
        skip_blanks();
        if (at_ < text_.size()) fail(fmt::format("unexpected {} after the end", next_shown()));
        return v;
    }

private:
    [[noreturn]] void fail(const std::string& what) const {
        throw located_json_error(place_, what);
    }

    char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

    std::string next_shown() const {
        return at_ < text_.size() ? json_quoted(text_.substr(at_, 1)) : std::string("end of file");
    }

    void step() {
        const char c = text_[at_++];
        if (c == '\n') {
            ++place_.line;
            place_.column = 1;
        } else if ((static_cast<unsigned char>(c) & 0xc0) != 0x80) {
            ++place_.column;
        }
    }

    void skip_blanks() {
        while (at_ < text_.size()) {
            if (std::string_view(" \t\r\n").find(peek()) != std::string_view::npos) {
                step();
            } else if (text_.substr(at_, 2) == "//") {
                while (at_ < text_.size() && peek() != '\n') step();
            } else if (text_.substr(at_, 2) == "/*") {
                const text_position opened = place_;
                while (at_ < text_.size() && text_.substr(at_, 2) != "*/") step();
                if (at_ >= text_.size())
                    throw located_json_error(opened, "a comment is not closed");
                step();
                step();
            } else {
                return;
            }
        }
    }

    located_value value(unsigned depth) {
        skip_blanks();
        located_value v;
        v.position = place_;
        if (depth == depth_limit && (peek() == '{' || peek() == '['))
            fail("nested more than 128 levels deep");
        if (peek() == '{') return object(std::move(v), depth);
        if (peek() == '[') return array(std::move(v), depth);
        const std::size_t start = at_;
        v.scalar = scalar();
        v.written = text_.substr(start, at_ - start);
        return v;
    }

    located_value object(located_value v, unsigned depth) {
        v.is_object = true;
        step();
        std::unordered_set<std::string> keys;
        for (;;) {
            skip_blanks();
            if (peek() == '}') return step(), v;
            located_value::member m;
            m.position = place_;
            if (peek() != '"')
                fail(fmt::format("expected a member's name in quotes or }}, not {}", next_shown()));
            m.key = scalar().as_string();
            refuse_twice(v.members, keys, m);
            skip_blanks();
            if (peek() != ':')
                fail(fmt::format("expected : after {}, not {}", json_quoted(m.key), next_shown()));
            step();
            m.value = value(depth + 1);
            v.members.push_back(std::move(m));
            if (!another('}')) return v;
        }
    }

    /// Nearly all objects are small: a look at each of a few keys is cheaper than a set of them.
    static void refuse_twice(const std::vector<located_value::member>& earlier,
                             std::unordered_set<std::string>& keys,
                             const located_value::member& m) {
        constexpr std::size_t few = 16;
        if (earlier.size() == few)
            for (const located_value::member& one : earlier) keys.insert(one.key);
        if (earlier.size() >= few && keys.insert(m.key).second) return;
        const auto first = std::ranges::find(earlier, m.key, &located_value::member::key);
        if (first != earlier.end())
            throw located_json_error(
                m.position, fmt::format("{} is given twice, first in line {}", json_quoted(m.key),
                                        first->position.line));
    }

    located_value array(located_value v, unsigned depth) {
        v.is_array = true;
        step();
        for (;;) {
            skip_blanks();
            if (peek() == ']') return step(), v;
            v.elements.push_back(value(depth + 1));
            if (!another(']')) return v;
        }
    }

    /// A comma: true. The closing bracket: false, and it is taken.
    bool another(char close) {
        skip_blanks();
        if (peek() == ',') return step(), true;
        if (peek() == close && at_ < text_.size()) return step(), false;
        fail(fmt::format("expected , or {}, not {}", close, next_shown()));
    }

    /// The extent of the scalar by a rough look, its meaning by Boost.JSON.
    boost::json::value scalar() {
        const std::size_t start = at_;
        const text_position began = place_;
        if (peek() == '"') {
            step();
            while (at_ < text_.size() && peek() != '"' && peek() != '\n') {
                if (peek() == '\\') step();
                if (at_ < text_.size()) step();
            }
            if (peek() != '"') throw located_json_error(began, "a string is not closed");
            step();
        } else {
            while (at_ < text_.size() &&
                   std::string_view(" \t\r\n,:]}[{\"/").find(peek()) == std::string_view::npos)
                step();
        }
        const std::string_view token = text_.substr(start, at_ - start);
        if (token.empty())
            throw located_json_error(began, fmt::format("expected a value, not {}", next_shown()));
        auto v = parse_json(token);
        if (!v)
            throw located_json_error(
                began, fmt::format("{} is not a JSON value", shortened(json_quoted(token))));
        return std::move(*v);
    }

    std::string_view text_;
    std::size_t at_ = 0;
    text_position place_;
};

}  // namespace

boost::json::value located_value::plain() const {
    if (is_object) {
        boost::json::object o;
        for (const member& m : members) o[m.key] = m.value.plain();
        return o;
    }
    if (is_array) {
        boost::json::array a;
        for (const located_value& e : elements) a.push_back(e.plain());
        return a;
    }
    return scalar;
}

std::string located_value::shown() const {
    return shortened(is_object || is_array ? boost::json::serialize(plain())
                                           : std::string(written));
}

text_position located_value::position_of(std::string_view key) const {
    for (const member& m : members) {
        if (m.key == key) return m.position;
    }
    return position;
}

located_value read_located_json(std::string_view text) { return reader(text).read_all(); }

}  // namespace supe
