#include "components/relay/relay_settings.hpp"

#include "components/http/address_range.hpp"
#include "components/http/destination.hpp"
#include "supe/process/listen_address.hpp"
#include "supe/text/config.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <stdexcept>

namespace components {
namespace {

constexpr std::size_t most_addresses = 16;
constexpr supe::milliseconds longest_delay = std::chrono::minutes(2);

/// Webhooks come by TCP.
supe::listen_address checked_listen(std::string_view text) {
    supe::listen_address address = supe::parse_listen_address(text);
    if (address.what == supe::listen_address::kind::unix_path)
        throw std::invalid_argument(
            fmt::format("\"{}\": webhooks come by TCP alone: ADDRESS:PORT", text));
    return address;
}

std::string address_in(const supe::field_reader& in, const supe::located_value& v) {
    std::string text = in.string(v);
    try {
        checked_listen(text);
    } catch (const std::invalid_argument& e) {
        in.fail(v.position, e.what());
    }
    return text;
}

/// `"ADDRESS:PORT"`, or an object where TLS is spoken.
relay_listener listener_in(const supe::field_reader& in, const supe::located_value& v,
                           const std::filesystem::path& base) {
    relay_listener one;
    if (!v.is_object) {
        one.address = address_in(in, v);
        return one;
    }
    one.address.clear();
    std::string certificate, key;
    in.object(v, {{"address", [&](auto& at, auto& x) { one.address = address_in(at, x); }},
                  {"certificate", [&](auto& at, auto& x) { certificate = at.string(x); }},
                  {"key", [&](auto& at, auto& x) { key = at.string(x); }}});
    if (one.address.empty()) in.fail(v.position, "address is missing");
    if (certificate.empty() != key.empty())
        in.fail(v.position, fmt::format("{} is missing: TLS needs certificate and key",
                                        key.empty() ? "key" : "certificate"));
    if (certificate.empty()) return one;
    try {
        one.tls = checked_files(base, certificate, key);
    } catch (const std::runtime_error& e) {
        in.fail(v.position, e.what());
    }
    return one;
}

std::vector<relay_listener> listen_in(const supe::field_reader& in, const supe::located_value& v,
                                      const std::filesystem::path& base) {
    if (!v.is_array) return {listener_in(in, v, base)};
    if (v.elements.empty() || v.elements.size() > most_addresses)
        in.wrong(v, fmt::format("1 to {} addresses", most_addresses));
    std::vector<relay_listener> all;
    for (std::size_t i = 0; i < v.elements.size(); ++i) {
        relay_listener one = listener_in(in.below(i), v.elements[i], base);
        if (std::ranges::find(all, one.address, &relay_listener::address) != all.end())
            in.below(i).fail(v.elements[i].position, "stands there twice");
        all.push_back(std::move(one));
    }
    return all;
}

std::vector<std::string> proxies_in(const supe::field_reader& in, const supe::located_value& v) {
    read_ranges(in, v);
    return in.strings(v);
}

/// A stop takes so much longer.
supe::milliseconds delay_in(const supe::field_reader& in, const supe::located_value& v) {
    const supe::milliseconds delay = in.duration(v);
    if (delay > longest_delay)
        in.wrong(v, "a duration of at most " + supe::print_duration(longest_delay));
    return delay;
}

bool is_loopback(std::string_view host) {
    return host == "localhost" || host == "::1" || host.starts_with("127.");
}

/// What is delivered there would come in here again.
bool is_own(const supe::listen_address& own, const http_destination& to) {
    if (to.port != std::to_string(own.port)) return false;
    const bool takes_all =
        own.what == supe::listen_address::kind::any || own.host == "0.0.0.0" || own.host == "::";
    if (takes_all) return is_loopback(to.host) || to.host == "0.0.0.0" || to.host == "::";
    return to.host == own.host || (to.host == "localhost" && is_loopback(own.host));
}

void check_destination(const relay_route& route, const relay_settings& s) {
    const http_destination to = parse_destination(route.to);
    for (const relay_listener& own : s.listen)
        if (is_own(checked_listen(own.address), to))
            throw std::invalid_argument(fmt::format(
                "\"{}\": the relay listens there itself ({}): each webhook would come in again",
                route.to, own.address));
}

/// A route's members beside `routes` would be nobody's.
void check_form(const supe::field_reader& in, const supe::located_value& whole,
                const std::vector<supe::field_reader::field>& of_route) {
    const auto has = [&whole](std::string_view key) {
        return std::ranges::find(whole.members, key, &supe::located_value::member::key) !=
               whole.members.end();
    };
    if (!has("routes")) return;
    for (const auto& [key, read] : of_route)
        if (has(key)) in.below(key).fail(whole.position_of(key), "belongs into each of the routes");
}

}  // namespace

void read_relay_settings(const std::filesystem::path& file, relay_settings& s) {
    const std::filesystem::path base = std::filesystem::absolute(file).parent_path();
    const auto of_route = treatment_fields(s.only_route(), base);
    std::vector<relay_route> routes;
    std::vector<supe::field_reader::field> fields = of_route;
    fields.insert(
        fields.end(),
        {{"routes", [&](auto& in, auto& x) { routes = read_routes(in, x, base); }},
         {"listen", [&](auto& in, auto& x) { s.listen = listen_in(in, x, base); }},
         {"retry_every", [&](auto& in, auto& x) { s.retry_every = in.some_time(x); }},
         {"state", [&](auto& in, auto& x) { s.state = in.string(x); }},
         {"queue_limit", [&](auto& in, auto& x) { s.queue_limit = in.bytes(x); }},
         {"disk_reserve", [&](auto& in, auto& x) { s.disk_reserve = in.bytes(x, 0); }},
         {"max_age",
          [&](auto& in, auto& x) {
              if (!x.is_null()) s.max_age = in.some_time(x);
          }},
         {"keep_delivered", [&](auto& in, auto& x) { s.keep_delivered = in.duration(x); }},
         {"drain_delay", [&](auto& in, auto& x) { s.drain_delay = delay_in(in, x); }},
         {"trusted_proxies", [&](auto& in, auto& x) { s.trusted_proxies = proxies_in(in, x); }}});
    supe::read_config_text(supe::text_of_file(file), file.string(), [&](auto& in, auto& whole) {
        if (whole.is_object) check_form(in, whole, of_route);
        in.object(whole, fields);
        if (routes.empty()) complete_route(in, whole, s.only_route());
    });
    if (routes.empty()) return;
    s.routes = std::move(routes);
    s.named_routes = true;
}

tls_files checked_files(const std::filesystem::path& base, const std::string& certificate,
                        const std::string& key) {
    tls_files files{(base / certificate).lexically_normal(), (base / key).lexically_normal()};
    tls_context_of(files);
    return files;
}

void check(const relay_settings& s) {
    if (s.routes.front().to.empty())
        throw std::runtime_error(
            "nowhere to deliver to: give --to URL (your app), or --demo for a look");
    for (const relay_listener& own : s.listen) checked_listen(own.address);
    if (s.demo && s.listen.front().tls)
        throw std::runtime_error(
            "--demo: its sender speaks HTTP without TLS: leave out the "
            "certificate of the first address");
    for (const relay_route& route : s.routes) check_destination(route, s);
}

}  // namespace components
