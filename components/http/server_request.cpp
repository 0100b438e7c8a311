#include "components/http/server_request.hpp"

#include "components/http/request_rules.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

namespace components {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using client = http_client;

constexpr std::size_t small_read = 4096;
constexpr std::size_t kept_buffer = 16 << 10;  // a larger one is not kept from request to request
// A vector that grows takes up to twice the size of its elements.
constexpr std::size_t bytes_of_field = 2 * sizeof(http_fields::value_type);

/// What a string takes beside itself: short ones lie in it.
constexpr std::size_t heap_bytes(std::size_t size) { return size < 16 ? 0 : size + 24; }

/// Beast's, with the fields of the head in their order: its own container puts those of one name
/// together.
class request_parser final : public http::request_parser<http::string_body> {
public:
    /// Once: they are moved.
    http_fields take_fields() { return std::move(fields_); }
    /// Whole lines of the head, as they came: Beast joins the lines of a folded field silently.
    void took(std::string_view lines) {
        folded_ =
            folded_ || lines.find("\r\n ") != lines.npos || lines.find("\r\n\t") != lines.npos;
    }
    /// Of memory, also after they were taken.
    std::size_t field_bytes() const { return field_bytes_; }
    request_head head() const {
        return {get().version(), {get().target().data(), get().target().size()}, fields_, folded_};
    }

private:
    void on_field_impl(http::field, beast::string_view name, beast::string_view value,
                       boost::system::error_code&) override {
        if (is_header_done()) return;  // trailers are not fields of the head
        fields_.emplace_back(name, value);
        field_bytes_ += bytes_of_field + heap_bytes(name.size()) + heap_bytes(value.size());
    }
    /// Beast takes any character in a quoted value of an extension.
    void on_chunk_header_impl(std::uint64_t, beast::string_view extensions,
                              boost::system::error_code& fault) override {
        const auto ends_line = [](char c) { return c == '\r' || c == '\n' || c == '\0'; };
        if (std::ranges::any_of(extensions, ends_line)) fault = http::error::bad_chunk_extension;
    }
    http_fields fields_;
    std::size_t field_bytes_ = 0;
    bool folded_ = false;
};

std::string_view text_in(const beast::flat_buffer& buffer) {
    return {static_cast<const char*>(buffer.cdata().data()), buffer.size()};
}

http_answer answer_to_fault(const client& c, const boost::system::error_code& fault) {
    const http_limits& limits = c.owner.limits;
    if (c.late) return {408, "the request took too long\n", {}};
    if (fault == http::error::body_limit)
        return {413, fmt::format("the body is larger than {} bytes\n", c.body_limit), {}};
    if (fault == http::error::header_limit || fault == http::error::buffer_overflow)
        return {431, fmt::format("the head is larger than {} bytes\n", limits.head), {}};
    if (fault == http::error::partial_message) return {400, "the request was cut short\n", {}};
    if (fault == asio::error::no_memory) return unavailable("too many large requests at once\n");
    if (fault == http::error::bad_version && is_other_http(text_in(c.buffer)))
        return {505, "HTTP/1.1 is spoken here\n", {}};
    return {400, fmt::format("not HTTP/1.1: {}\n", fault.message()), {}};
}

/// Not where the client has hung up, nor where we are ending.
bool worth_an_answer(const client& c, const boost::system::error_code& fault) {
    static const boost::system::error_code of_http = http::error::bad_method;
    return c.late || fault == asio::error::no_memory ||
           (fault.category() == of_http.category() && fault != http::error::end_of_stream);
}

/// Nothing where there is room for what it takes in memory by now.
boost::system::error_code take_room(client& c, const request_parser& parser) {
    const std::size_t body = parser.get().body().size();
    if (c.hold(c.buffer.capacity() + parser.field_bytes() + body)) return {};
    return make_error_code(asio::error::no_memory);
}

/// Parses what of the body is here, or reads some more where that is not enough. Beast's own reads
/// take a turn of the event loop for each part, also where all of it is here already, as it is
/// nearly always.
supe::awaitable<boost::system::error_code> advance(client& c, request_parser& parser) {
    boost::system::error_code fault = http::error::need_more;
    if (c.buffer.size() > 0) c.buffer.consume(parser.put(c.buffer.data(), fault));
    if (fault != http::error::need_more) co_return fault;
    const std::size_t before = c.buffer.size();
    const std::uint64_t missing = parser.content_length_remaining().value_or(0);
    fault = co_await read_some(c, std::clamp<std::uint64_t>(missing, small_read, large_read));
    c.took(c.buffer.size() - before);
    if (fault == asio::error::eof) fault = http::error::partial_message;
    co_return fault;
}

void begin_parser(client& c, std::optional<request_parser>& parser) {
    parser.emplace();
    parser->header_limit(static_cast<std::uint32_t>(c.owner.limits.head));
    parser->body_limit(c.body_limit = c.owner.limits.body);
}

/// What the parser refuses and can be read in one way only is made right in place.
bool mend(client& c, const boost::system::error_code& fault) {
    const std::span<char> head(static_cast<char*>(c.buffer.data().data()), c.buffer.size());
    if (fault == http::error::bad_version) return mend_version(head);
    return fault == http::error::bad_value && mend_connection(head);
}

/// The head stays in the buffer until it is whole: where it is odd and does no harm, it is mended
/// and read once more.
supe::awaitable<boost::system::error_code> read_head(client& c,
                                                     std::optional<request_parser>& parser) {
    begin_parser(c, parser);
    for (std::size_t taken = 0;;) {
        boost::system::error_code fault = http::error::need_more;
        const asio::mutable_buffer bytes = c.buffer.data() + taken;
        if (bytes.size() > 0) {
            const std::size_t n = parser->put(bytes, fault);
            parser->took({static_cast<const char*>(bytes.data()), n});
            taken += n;
        }
        if (mend(c, fault)) {
            begin_parser(c, parser);
            taken = 0;
            continue;
        }
        if (fault && fault != http::error::need_more) co_return fault;
        if (const auto no_room = take_room(c, *parser)) co_return no_room;
        const bool done = parser->is_header_done();
        if (taken > c.owner.limits.head || (!done && c.buffer.size() >= c.owner.limits.head))
            co_return make_error_code(http::error::header_limit);
        if (done) {
            c.buffer.consume(taken);
            co_return boost::system::error_code();
        }
        fault = co_await read_some(c, small_read);
        if (fault == asio::error::eof) fault = http::error::partial_message;
        if (fault) co_return fault;
    }
}

supe::awaitable<boost::system::error_code> read_body(client& c, request_parser& parser) {
    parser.eager(true);
    c.may_take(c.owner.limits.request);
    while (!parser.is_done()) {
        boost::system::error_code fault = co_await advance(c, parser);
        if (!fault) fault = take_room(c, parser);
        if (fault) co_return fault;
    }
    co_return boost::system::error_code();
}

/// HTTP/1.0 knows no 100 (RFC 9110 §10.1.1), and who has sent the body already needs none.
bool waits_for_continue(const client& c, const request_parser& parser, const http_fields& fields) {
    return !parser.is_done() && parser.get().version() >= 11 && c.buffer.size() == 0 &&
           same_field(field(fields, "Expect"), "100-continue");
}

/// Of a head that nothing is said against. The body is not here yet.
http_request request_of(request_parser& parser, const client& c) {
    request_target target = *read_target(parser.head().target);
    http_request request;
    request.method = std::string_view(parser.get().method_string());
    request.target = std::move(target.path);
    request.headers = parser.take_fields();
    request.remote = c.remote;
    request.secure = c.tls != nullptr;
    for (auto& [name, value] : request.headers)
        if (!target.authority.empty() && same_field(name, "Host")) value = target.authority;
    return request;
}

/// The limit for this very request, by its head. False where its length says that it has more.
bool limit_body(client& c, request_parser& parser, const http_request& head) {
    if (!c.owner.limits.body_of) return true;
    c.body_limit = c.owner.limits.body_of(head);
    parser.body_limit(c.body_limit);
    return parser.content_length_remaining().value_or(0) <= c.body_limit;
}

received_request refused(const client& c, const boost::system::error_code& fault) {
    received_request r;
    r.refusal = answer_to_failure(c, fault);
    return r;
}

/// The request is whole: its buffer keeps no more room than small requests need, and what the
/// handler makes of it is no larger than what it takes.
void let_go(client& c, const request_parser& parser, const http_request& request) {
    if (c.buffer.capacity() > kept_buffer) c.buffer.shrink_to_fit();
    c.hold(c.buffer.capacity() + parser.field_bytes() + request.body.size());
}

}  // namespace

std::optional<http_answer> answer_to_failure(const client& c,
                                             const boost::system::error_code& fault) {
    if (!worth_an_answer(c, fault)) return std::nullopt;
    return answer_to_fault(c, fault);
}

supe::awaitable<received_request> read_request(client& c) {
    std::optional<request_parser> made;
    c.may_take(c.owner.limits.request);
    if (const auto fault = co_await read_head(c, made)) co_return refused(c, fault);
    request_parser& parser = *made;
    received_request received;
    received.refusal = objection(parser.head());
    if (received.refusal) co_return received;
    http_request request = request_of(parser, c);
    if (!limit_body(c, parser, request)) co_return refused(c, http::error::body_limit);
    if (waits_for_continue(c, parser, request.headers) &&
        !co_await write(c, "HTTP/1.1 100 Continue\r\n\r\n"))
        co_return received;
    if (const auto fault = co_await read_body(c, parser)) co_return refused(c, fault);
    received.part =
        parser.get().method() == http::verb::head ? answer_part::head : answer_part::whole;
    received.keep_alive = parser.keep_alive();
    request.body = std::move(parser.get().body());
    let_go(c, parser, request);
    received.request = std::move(request);
    co_return received;
}

}  // namespace components
