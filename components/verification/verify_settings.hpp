// What a settings file says of a route's verification (contract §7, `verify`).
#pragma once

#include "components/verification/provider_table.hpp"
#include "supe/text/field_reader.hpp"

#include <boost/json/value.hpp>
#include <filesystem>
#include <string>
#include <vector>

namespace components {

struct verify_settings {
    provider how;  ///< the row of the table, with what the file says otherwise
    std::vector<std::filesystem::path> key_files;  ///< one or two, absolute
    std::filesystem::path token_file;  ///< of a challenge that asks for one (Meta); else empty
};

/// Reads `{"kind":…, "key_files":[…] or "key_file":…, …}`. Relative files are taken from `base`,
/// the folder of the settings file. Reads no key. Throws supe::config_error with place and choices.
verify_settings read_verify(const supe::field_reader& in, const supe::located_value& v,
                            const std::filesystem::path& base);

/// The same as JSON, with absolute paths: a member of the config of `http_server`.
boost::json::value to_json(const verify_settings& settings);

}  // namespace components
