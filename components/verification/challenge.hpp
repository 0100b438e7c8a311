// What providers ask before they send webhooks, to see that somebody expects these. Pure.
#pragma once

#include "components/http/server.hpp"
#include "components/verification/keys.hpp"
#include "components/verification/request_parts.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace components {

/// Whether a challenge comes signed: then it is answered only where the signature is good.
bool is_signed_challenge(std::string_view name);

/// The answer to `request` where it is this challenge. `token`: the verify token (Meta). `key`: the
/// one that fits its signature, or the first.
std::optional<http_answer> answer_challenge(std::string_view name, const request_parts& request,
                                            const verification_key& key, std::string_view token);

}  // namespace components
