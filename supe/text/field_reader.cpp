#include "supe/text/field_reader.hpp"

#include "supe/text/json_text.hpp"
#include "supe/text/names.hpp"
#include "supe/text/units.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <cctype>

namespace supe {

void field_reader::fail(text_position at, const std::string& what) const {
    const std::string place =
        file.empty() ? "" : fmt::format("{}:{}:{}: ", file, at.line, at.column);
    throw config_error(fmt::format("{}{}{}{}", place, path, path.empty() ? "" : ": ", what));
}

void field_reader::wrong(const located_value& v, const std::string& expected) const {
    fail(v.position, fmt::format("must be {}, not {}", expected, v.shown()));
}

field_reader field_reader::below(const std::string& key) const {
    const bool plain = std::ranges::all_of(
        key, [](unsigned char c) { return std::isalnum(c) || c == '_' || c == '-'; });
    const std::string shown = plain && !key.empty() ? key : json_quoted(key);
    return {file, path.empty() ? shown : path + "." + shown};
}
field_reader field_reader::below(std::size_t index) const {
    return {file, fmt::format("{}[{}]", path, index)};
}

std::string field_reader::string(const located_value& v) const {
    if (!v.scalar.is_string()) wrong(v, "a string");
    std::string text(v.scalar.get_string());
    if (text.find('\0') != std::string::npos) wrong(v, "a string without NUL characters");
    return text;
}

bool field_reader::boolean(const located_value& v) const {
    if (!v.scalar.is_bool()) wrong(v, "true or false");
    return v.scalar.get_bool();
}

std::uint64_t field_reader::number(const located_value& v, std::uint64_t least,
                                   std::uint64_t most) const {
    // Boost.JSON keeps a whole number as int64 where it fits, else as uint64.
    const auto* small = v.scalar.if_int64();
    const auto* large = v.scalar.if_uint64();
    const std::uint64_t n = small && *small >= 0 ? static_cast<std::uint64_t>(*small)
                            : large              ? *large
                                                 : 0;
    const bool whole = (small && *small >= 0) || large;
    if (!whole || n < least || n > most)
        wrong(v, fmt::format("a whole number from {} to {}", least, most));
    return n;
}

double field_reader::factor(const located_value& v, double least, double most) const {
    const double n = v.scalar.is_number() ? v.scalar.to_number<double>() : least - 1;
    if (n < least || n > most) wrong(v, fmt::format("a number from {} to {}", least, most));
    return n;
}

milliseconds field_reader::duration(const located_value& v, milliseconds least,
                                    milliseconds most) const {
    const auto d = v.scalar.is_string() ? parse_duration(std::string_view(v.scalar.get_string()))
                                        : std::nullopt;
    if (!d || *d < least || *d > most)
        wrong(v, fmt::format(R"(a duration like "250ms", "8s", "5m", "1h", from {} to {})",
                             print_duration(least), print_duration(most)));
    return *d;
}

std::size_t field_reader::bytes(const located_value& v, std::size_t least, std::size_t most) const {
    std::optional<std::size_t> n;
    if (v.scalar.is_string()) n = parse_bytes(std::string_view(v.scalar.get_string()));
    if (v.scalar.is_number()) n = number(v, least, most);
    if (n && *n >= least && *n <= most) return *n;
    wrong(v, fmt::format(R"(a size like "64KiB", "256MiB", "10GiB", from {} to {})",
                         print_bytes(least), print_bytes(most)));
}

std::string field_reader::name(const located_value& v) const {
    std::string text = string(v);
    if (!is_valid_name(text)) wrong(v, valid_names());
    return text;
}

const std::vector<located_value>& field_reader::array(const located_value& v) const {
    if (!v.is_array) wrong(v, "an array");
    return v.elements;
}

std::vector<std::string> field_reader::strings(const located_value& v) const {
    std::vector<std::string> all;
    for (std::size_t i = 0; i < array(v).size(); ++i) all.push_back(below(i).string(v.elements[i]));
    return all;
}

void field_reader::object(const located_value& v, const std::vector<field>& fields) const {
    if (!v.is_object) wrong(v, "an object");
    for (const auto& member : v.members) {
        const auto known =
            std::ranges::find_if(fields, [&](const field& f) { return member.key == f.first; });
        if (known != fields.end()) {
            known->second(below(member.key), member.value);
            continue;
        }
        std::string choices;
        for (const field& f : fields)
            choices += (choices.empty() ? "" : ", ") + std::string(f.first);
        fail(member.position, fmt::format("{} is not one of {}", json_quoted(member.key), choices));
    }
}

}  // namespace supe
