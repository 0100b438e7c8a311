#include "components/forwarder/forwarder_settings.hpp"

#include "supe/text/config.hpp"

#include <algorithm>

namespace components {
namespace {

using supe::field_reader;
using supe::located_value;
using forwarder_limits = forwarder_settings::limits;

/// One duration is the total; of it the others are a part.
forwarder_limits limits_of_attempt(const field_reader& in, const located_value& v) {
    forwarder_limits t;
    std::optional<supe::duration> connect, first_byte;
    if (v.is_object) {
        in.object(v, {{"connect", [&](auto& at, auto& x) { connect = at.some_time(x); }},
                      {"first_byte", [&](auto& at, auto& x) { first_byte = at.some_time(x); }},
                      {"total", [&](auto& at, auto& x) { t.total = at.some_time(x); }}});
    } else {
        t.total = in.some_time(v);
        first_byte = t.total;
    }
    t.connect = std::min(connect.value_or(t.connect), t.total);
    t.first_byte = std::min(first_byte.value_or(t.first_byte), t.total);
    return t;
}

/// What is made of a file; what is wrong with it is an error in the settings.
template <class F>
auto made_of_file(const field_reader& in, const located_value& v, F make) {
    try {
        return make(std::filesystem::path(in.string(v)));
    } catch (const supe::config_error& e) {
        in.fail(v.position, e.what());
    } catch (const std::runtime_error& e) {
        in.fail(v.position, e.what());
    }
}

std::optional<webhook_signer> signer_in(const field_reader& in, const located_value& v) {
    std::optional<webhook_signer> signer;
    in.object(v, {{"key_file", [&](auto& at, auto& x) {
                       signer = made_of_file(at, x, webhook_signer::of_file);
                   }}});
    if (!signer) in.fail(v.position, "key_file is missing");
    return signer;
}

}  // namespace

forwarder_settings read_forwarder_settings(const boost::json::value& config) {
    forwarder_settings s;
    supe::read_config(
        config, {{"route", [&](auto& in, auto& x) { s.route = in.string(x); }},
                 {"to", [&](auto& in, auto& x) { s.to = read_destination(in, x); }},
                 {"exact",
                  [&](auto& in, auto& x) {
                      s.paths = in.boolean(x) ? path_rule::dropped : path_rule::appended;
                  }},
                 {"connections",
                  [&](auto& in, auto& x) { s.connections = in.count(x, 1, most_connections); }},
                 {"rate", [&](auto& in, auto& x) { s.rate = read_rate(in, x); }},
                 {"timeout", [&](auto& in, auto& x) { s.timeout = limits_of_attempt(in, x); }},
                 {"ca_file",
                  [&](auto& in, auto& x) { s.authorities = made_of_file(in, x, authorities_of); }},
                 {"sign", [&](auto& in, auto& x) { s.signer = signer_in(in, x); }},
                 {"files_written", [](auto&, auto&) {}},  // another one is another config
                 {"idle", [&](auto& in, auto& x) { s.idle = in.some_time(x); }},
                 {"lock", [&](auto& in, auto& x) { s.lock = in.string(x); }}});
    if (s.to.host.empty()) throw supe::config_error("config: to is missing");
    return s;
}

}  // namespace components
