// The parts of a request that a signature is about: sources (provider_table.hpp), and the text that
// was signed. Pure.
#pragma once

#include "components/http/server.hpp"
#include "components/verification/provider_table.hpp"

#include <boost/json/value.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace components {

/// A request as its sender sent it.
struct sent_request {
    const http_request& message;
    /// What the sender called: scheme, host (a trusted proxy's X-Forwarded-Host, else Host), path
    /// and query. Some providers sign it.
    std::string_view url;
    std::chrono::system_clock::time_point now;  ///< signatures of some providers get too old
};

/// What is wrong with a column of the settings; empty where nothing is.
std::string objection_to_source(std::string_view source);
std::string objection_to_signs(std::string_view signs, bool has_timestamp);
/// Whether the time at this source is part of what is signed, so that nobody can make it younger.
bool signs_time(std::string_view signs, std::string_view timestamp);

/// A source, for people: `Stripe-Signature`, `/signature/signature of the body`; also `url`.
std::string shown_source(std::string_view source);

struct signed_part;

/// The parts of one request, by what a row of the table says of them.
class request_parts {
public:
    request_parts(const sent_request& request, const provider& how);

    /// The value at a source; nothing where it is missing.
    std::optional<std::string> value(std::string_view source) const;
    std::optional<std::string> query(std::string_view name) const;
    std::optional<std::string> header(std::string_view name) const;
    const sent_request& request() const { return request_; }

    /// The texts behind the prefix in the field of the signature, at most 16 of them.
    std::vector<std::string> signatures() const;

    /// Text that was signed, with these in place: `{body}`; `{method}`; `{url}` as it was called,
    /// `{plain_url}` with HubSpot's characters unescaped behind its host; `{timestamp}`;
    /// `{SOURCE}`; `{form}`: the fields of a form, sorted by name, each name directly followed by
    /// its value (Twilio). A body that is no form, or a form without text, is not in there: the
    /// query must name its SHA-256 as `bodySHA256`. So must it where the name of a field holds `?`,
    /// `=` or `/`. Nothing where a part is missing; then `missing` says which.
    std::optional<std::string> signed_text(std::string_view url, std::string& missing) const;

    /// What is wrong with a part of what was signed, as `Id is there twice`; empty where nothing
    /// is. It is one text: a part that might end elsewhere lets somebody move a piece of it into
    /// the next part. Of two fields of one name the destination may read the other one.
    std::string objection_to_seams() const;

private:
    std::vector<std::string> parts_of_signature() const;
    bool may_end_elsewhere(const signed_part& part) const;
    /// How many fields of a head or a query it names; 1 for a source elsewhere.
    std::size_t times(std::string_view source) const;
    /// Of a `{NAME}`: `timestamp` has one of its own.
    std::string_view source_of(std::string_view name) const;
    std::optional<std::string> part(std::string_view name, std::string_view url) const;
    std::optional<std::string> form() const;

    const sent_request& request_;
    const provider& how_;
};

/// `https://h/p` and `https://h:443/p`: both spellings of a URL, the given one first. Twilio signs
/// either.
std::vector<std::string> spellings_of(std::string_view url);

}  // namespace components
