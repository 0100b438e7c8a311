#include "supe/text/config.hpp"

#include "supe/storage/file_text.hpp"
#include "supe/storage/private_files.hpp"

#include <fmt/format.h>
#include <boost/json/serialize.hpp>
#include <system_error>

namespace supe {
namespace {

constexpr std::size_t text_limit = 16u << 20;  // of located JSON, which refuses one byte more

[[noreturn]] void refuse(const std::filesystem::path& file, int error) {
    throw config_error(fmt::format(
        "{}: {}", file.string(),
        error == not_regular ? file_error(error) : std::generic_category().message(error)));
}

}  // namespace

void read_config_text(std::string_view text, const std::string& file, const config_reading& read) {
    try {
        const located_value whole = read_located_json(text);
        read(field_reader{file, {}}, whole);
    } catch (const located_json_error& e) {
        field_reader{file, {}}.fail(e.where, e.what());
    }
}

std::string text_of_file(const std::filesystem::path& file) {
    file_read read = read_file(file, text_limit, file_kind::regular);
    if (read.error != 0) refuse(file, read.error);
    return std::move(read.text);
}

std::string text_of_source(const std::filesystem::path& file, source_read when) {
    const bool again = when == source_read::again;
    file_read read;
    if (again && names_descriptor(file)) {
        read.error = not_regular;
    } else {
        read = read_file(file, text_limit, again ? file_kind::regular : file_kind::any);
    }
    if (again && read.error == not_regular)
        throw config_error(fmt::format(
            "{} is no regular file: it was read once, and cannot be read again", file.string()));
    if (read.error != 0) refuse(file, read.error);
    return std::move(read.text);
}

std::string secret_of_file(const std::filesystem::path& file) {
    constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";  // some editors begin with it
    std::string text = text_of_file(file);
    if (text.starts_with(byte_order_mark)) text.erase(0, byte_order_mark.size());
    while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
    return text;
}

bool names_descriptor(const std::filesystem::path& file) {
    const std::string name = file.string();
    return name == "/dev/stdin" || name.starts_with("/dev/fd/") ||
           name.starts_with("/proc/self/fd/");
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
