#include "components/relay/relay_settings.hpp"

#include "components/http/destination.hpp"
#include "supe/process/listen_address.hpp"
#include "supe/text/config.hpp"

#include <stdexcept>

namespace components {
namespace {

std::string listen_in(const supe::field_reader& in, const supe::located_value& v) {
    std::string text = in.string(v);
    try {
        supe::parse_listen_address(text);
    } catch (const std::invalid_argument& e) {
        in.fail(v.position, e.what());
    }
    return text;
}

std::string url_in(const supe::field_reader& in, const supe::located_value& v) {
    read_destination(in, v);
    return in.string(v);
}

}  // namespace

void read_relay_settings(const std::filesystem::path& file, relay_settings& s) {
    const std::vector<supe::field_reader::field> fields{
        {"to", [&](auto& in, auto& x) { s.to = url_in(in, x); }},
        {"listen", [&](auto& in, auto& x) { s.listen = listen_in(in, x); }},
        {"connections",
         [&](auto& in, auto& x) { s.connections = in.count(x, 1, most_connections); }},
        {"retry_every", [&](auto& in, auto& x) { s.retry_every = in.some_time(x); }},
        {"state", [&](auto& in, auto& x) { s.state = in.string(x); }},
        {"body_limit", [&](auto& in, auto& x) { s.body_limit = in.bytes(x, 1, largest_body); }},
        {"queue_limit", [&](auto& in, auto& x) { s.queue_limit = in.bytes(x); }},
        {"timeout", [&](auto& in, auto& x) { s.timeout = in.some_time(x); }}};
    supe::read_config_text(supe::text_of_file(file), file.string(),
                           [&](auto& in, auto& whole) { in.object(whole, fields); });
}

void check(const relay_settings& s) {
    if (s.to.empty())
        throw std::runtime_error(
            "nowhere to deliver to: give --to URL (your app), or --demo for a look");
    parse_destination(s.to);
    supe::parse_listen_address(s.listen);
}

}  // namespace components
