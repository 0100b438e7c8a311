// Settings from outside, read with field_reader: a file of located JSON, and the `config` that a
// component gets from its supervisor.
#pragma once

#include "supe/text/field_reader.hpp"

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace supe {

/// Makes settings of the whole value.
using config_reading = std::function<void(const field_reader&, const located_value&)>;

/// Reads text whose name in errors is `file`. Throws config_error, also where it is no JSON.
void read_config_text(std::string_view text, const std::string& file, const config_reading& read);

/// The text of a regular file. Throws config_error where it cannot be read, and where there is
/// something else, which might never end (a FIFO, a device); of a file beyond the limit of located
/// JSON (16 MiB) only so much that read_config_text refuses it.
std::string text_of_file(const std::filesystem::path& file);
/// The same of a file that holds a key or a token: without the ends of its last lines, and without
/// a byte order mark (of UTF-8) at its begin.
std::string secret_of_file(const std::filesystem::path& file);

enum class source_read { first, again };
/// The text of a tree file or of settings. The first read may be of a pipe, as in `<(…)`, and waits
/// for its end. A pipe cannot be read again, and what is no regular file by then is refused.
std::string text_of_source(const std::filesystem::path& file, source_read when);

/// A name of an open file, as in `<(…)`; that may be a regular file too (`/dev/stdin`).
bool names_descriptor(const std::filesystem::path& file);

/// Reads the members of a component's `config`; null has none. The errors begin with their path:
/// `config.connections: must be a whole number from 1 to 10, not "5"`.
void read_config(const boost::json::value& config, const std::vector<field_reader::field>& fields);

}  // namespace supe
