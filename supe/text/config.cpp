#include "supe/text/config.hpp"

#include <fmt/format.h>
#include <array>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <fstream>
#include <system_error>

namespace supe {

void read_config_text(std::string_view text, const std::string& file, const config_reading& read) {
    try {
        const located_value whole = read_located_json(text);
        read(field_reader{file, {}}, whole);
    } catch (const located_json_error& e) {
        field_reader{file, {}}.fail(e.where, e.what());
    }
}

std::string text_of_file(const std::filesystem::path& file) {
    constexpr std::size_t limit = 16u << 20;  // and one byte more, which is one too many
    std::ifstream in(file, std::ios::binary);
    if (!in)
        throw config_error(
            fmt::format("{}: {}", file.string(), std::generic_category().message(errno)));
    std::string text;
    for (std::array<char, 16u << 10> part; in && text.size() <= limit;) {
        in.read(part.data(), part.size());
        text.append(part.data(), static_cast<std::size_t>(in.gcount()));
    }
    if (in.bad() || std::filesystem::is_directory(file))
        throw config_error(fmt::format("{}: cannot be read", file.string()));
    return text;
}

std::string secret_of_file(const std::filesystem::path& file) {
    std::string text = text_of_file(file);
    while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
    return text;
}

bool names_descriptor(const std::filesystem::path& file) {
    const std::string name = file.string();
    return name == "/dev/stdin" || name.starts_with("/dev/fd/") ||
           name.starts_with("/proc/self/fd/");
}

void expect_readable_again(const std::filesystem::path& file) {
    std::error_code none;
    const bool is_missing = !std::filesystem::exists(file, none);  // its reader says so
    if (!names_descriptor(file) && (is_missing || std::filesystem::is_regular_file(file, none)))
        return;
    throw config_error(fmt::format(
        "{} is no regular file: it was read once, and cannot be read again", file.string()));
}

void read_config(const boost::json::value& config, const std::vector<field_reader::field>& fields) {
    if (config.is_null()) return;
    static const std::string no_file;
    const field_reader whole{no_file, "config"};
    const std::string text = boost::json::serialize(config);
    try {
        whole.object(read_located_json(text), fields);
    } catch (const located_json_error& e) {
        whole.fail(e.where, e.what());
    }
}

}  // namespace supe
