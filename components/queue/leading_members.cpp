#include "components/queue/leading_members.hpp"

#include "supe/text/json_text.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <array>

namespace components {
namespace {

constexpr std::size_t longest_key = 128;  // bytes in the file

/// Two different keys must not be taken for one: the second webhook would be dropped.
std::string shortened(std::string key) {
    if (key.size() <= longest_key) return key;
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    EVP_Digest(key.data(), key.size(), digest.data(), &size, EVP_sha256(), nullptr);
    std::string text = "sha256:";
    for (unsigned i = 0; i < size; ++i) text += fmt::format("{:02x}", digest[i]);
    return text;
}

}  // namespace

std::optional<leading_members> leading_members_of(std::string_view webhook) {
    supe::json_members members(webhook);
    leading_members found;
    bool has_id = false;
    while (members.next()) {
        const std::string_view key = members.key(), value = members.value();
        if (!value.starts_with('"')) break;
        if (!has_id) {
            if (key != "id") return std::nullopt;
            found.id = value.substr(1, value.size() - 2);  // as it stands: an id has no escapes
            has_id = true;
        } else if (key == "route") {
            found.route = supe::json_string_value(value);
        } else if (key == "order_key") {
            found.order_key = supe::json_string_value(value).substr(0, longest_key);
        } else if (key == "dedupe_key") {
            found.dedupe_key = shortened(supe::json_string_value(value));
        } else if (key != "verified") {
            break;
        }
    }
    if (!has_id) return std::nullopt;
    return found;
}

}  // namespace components
