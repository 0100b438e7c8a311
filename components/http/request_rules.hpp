// What an HTTP/1.1 server must refuse although it can be parsed: what two parsers could read
// differently. Pure.
#pragma once

#include "components/http/server.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace components {

/// The head of a request, as the parser gives it.
struct request_head {
    unsigned version = 11;    ///< 10 or 11
    std::string_view target;  ///< as it stood
    const http_fields& fields;
    bool folded = false;  ///< a field went on in another line (RFC 9112 §5.2)
};

/// Where a request is meant to go (RFC 9112 §3.2). An absolute form, which proxies send, names the
/// host too; then the Host field does not count.
struct request_target {
    std::string authority;  ///< empty in origin form
    std::string path;       ///< with the query; begins with `/`
};
/// Nothing where it is neither of the two forms.
std::optional<request_target> read_target(std::string_view target);

/// What can be said against a request by its head alone; its answer ends the connection.
std::optional<http_answer> objection(const request_head& head);

/// Makes lists of tokens of the values of Connection and Proxy-Connection in the whole lines of a
/// head, as of `close;`: what they name is meant, and what is between the names means nothing. In
/// place. False where nothing was changed.
bool mend_connection(std::span<char> head);

/// Makes 1.1 of a higher minor version of HTTP/1 in the first line of a head (RFC 9110 §2.5). In
/// place. False where nothing was changed.
bool mend_version(std::span<char> head);

/// The first line of a head ends with a version of HTTP that has another major number than 1.
bool is_other_http(std::string_view head);

/// Some server would read the path of `target` so that its dot segments lead above where it
/// begins: also with escapes, backslashes, parameters or empty segments between them. Never says no
/// to a target that one of these readings leads out.
bool leaves_its_root(std::string_view target);

}  // namespace components
