// Whether a request comes from who has the key (contract §7): signatures, tokens and passwords of
// the providers in provider_table.hpp, and what a provider asks before it sends.
#pragma once

#include "components/verification/request_parts.hpp"
#include "components/verification/verify_settings.hpp"

#include <memory>
#include <optional>
#include <string>

namespace components {

/// Whether a request was verified, and why not: a line for a log, without body, signature and
/// query.
struct verification {
    bool ok = false;
    std::string why{};
};

/// The check of one route. It has read its keys and does no I/O any more; comparisons take the same
/// time wherever the difference is. At most two keys, so that a provider's key can be changed: one
/// that fits is enough.
class verifier {
public:
    /// Reads the keys. Throws supe::config_error with the file and what it should hold.
    explicit verifier(const verify_settings& settings);
    ~verifier();
    verifier(verifier&&) noexcept;
    verifier& operator=(verifier&&) noexcept;

    /// Its `kind`, for Supe-Verified.
    const std::string& kind() const;

    /// Of a webhook; the answer to one that is not verified is 401.
    verification verify(const sent_request& request) const;

    /// The answer to a request that is no webhook: with it a provider asks whether somebody is
    /// here who expects it. To be asked before anything else, of every method: Meta, Dropbox and X
    /// ask by GET, Event Grid by OPTIONS too. One that must be signed and is not gets no answer
    /// here, and fails in verify().
    std::optional<http_answer> challenge(const sent_request& request) const;

private:
    struct state;
    std::unique_ptr<const state> state_;
};

}  // namespace components
