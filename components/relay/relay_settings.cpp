#include "components/relay/relay_settings.hpp"

#include "components/http/address_range.hpp"
#include "components/http/destination.hpp"
#include "components/verification/keys.hpp"
#include "supe/process/listen_address.hpp"
#include "supe/text/config.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <stdexcept>

namespace components {
namespace {

namespace ip = boost::asio::ip;

constexpr supe::milliseconds longest_delay = std::chrono::minutes(2);

/// HTTP comes by TCP.
supe::listen_address checked_listen(std::string_view text) {
    supe::listen_address address = supe::parse_listen_address(text);
    if (address.what == supe::listen_address::kind::unix_path)
        throw std::invalid_argument(
            fmt::format("\"{}\": HTTP comes by TCP alone: ADDRESS:PORT", text));
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
    if (v.elements.empty() || v.elements.size() > supe::most_listen_addresses)
        in.wrong(v, fmt::format("1 to {} addresses", supe::most_listen_addresses));
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
    return in.duration(v, supe::milliseconds(0), longest_delay);
}

admin_place admin_in(const supe::field_reader& in, const supe::located_value& v,
                     const std::filesystem::path& base) {
    admin_place place;
    const auto address = [&](const supe::field_reader& at, const supe::located_value& x) {
        place.address = address_in(at, x);
    };
    if (!v.is_object) {
        address(in, v);
        return place;
    }
    const auto token = [&](const supe::field_reader& at, const supe::located_value& x) {
        if (x.is_null()) return;
        place.token_file = (base / at.string(x)).lexically_normal();
        try {
            read_secret(place.token_file, "a token");
        } catch (const supe::config_error& e) {
            at.fail(x.position, e.what());
        }
        note_written(place.token_written, place.token_file);
    };
    const auto hosts = [&](const supe::field_reader& at, const supe::located_value& x) {
        for (std::size_t i = 0; i < at.array(x).size(); ++i)
            place.hosts.push_back(read_host(at.below(i), x.elements[i]));
    };
    in.object(v, {{"address", address}, {"token_file", token}, {"hosts", hosts}});
    if (place.address.empty()) in.fail(v.position, "address is missing: \"ADDRESS:PORT\"");
    return place;
}

/// As connect(2) gets it, whatever its notation: `127.1` and `0x7f000001` are 127.0.0.1, and so is
/// `::ffff:127.0.0.1`. Nothing is there for a name.
std::optional<ip::address> numeric_address(const std::string& host) {
    in_addr short_form{};
    if (::inet_aton(host.c_str(), &short_form) != 0)
        return ip::address_v4(ntohl(short_form.s_addr));
    boost::system::error_code is_name;
    const ip::address found = ip::make_address(host, is_name);
    if (is_name) return std::nullopt;
    if (found.is_v6() && found.to_v6().is_v4_mapped())
        return ip::make_address_v4(ip::v4_mapped, found.to_v6());
    return found;
}

/// What is delivered there would come in here again.
bool is_own(const supe::listen_address& own, const http_destination& to) {
    if (std::stoi(to.port) != own.port) return false;
    const auto here = numeric_address(own.host);
    auto there = numeric_address(to.host);
    if (there && there->is_unspecified())  // Linux connects to this machine
        there = there->is_v4() ? ip::address(ip::address_v4::loopback())
                               : ip::address(ip::address_v6::loopback());
    const bool is_localhost = same_field(to.host, "localhost");
    if (own.takes_all()) return is_localhost || (there && there->is_loopback());
    return is_localhost ? here->is_loopback() : there == here;
}

void check_destination(const relay_route& route, const relay_settings& s) {
    const http_destination to = parse_destination(route.to);
    for (const relay_listener& own : s.listen)
        if (is_own(checked_listen(own.address), to))
            throw std::invalid_argument(fmt::format(
                "\"{}\": the relay listens there itself ({}): each webhook would come in again",
                route.to, own.address));
}

void check_admin(const relay_settings& s) {
    if (!s.admin) return;
    const supe::listen_address own = checked_listen(s.admin->address);
    for (const relay_listener& in : s.listen)
        if (own.overlaps(checked_listen(in.address)))
            throw std::invalid_argument(fmt::format(
                "\"{}\": webhooks come in there ({}): admin needs an address of its own",
                s.admin->address, in.address));
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

void read_relay_settings(const std::filesystem::path& file, relay_settings& s,
                         supe::source_read when) {
    const std::filesystem::path base = std::filesystem::absolute(file).parent_path();
    const auto of_route = treatment_fields(s.only_route(), base);
    std::vector<relay_route> routes;
    std::vector<supe::field_reader::field> fields = of_route;
    fields.insert(
        fields.end(),
        {{"routes", [&](auto& in, auto& x) { routes = read_routes(in, x, base); }},
         {"listen", [&](auto& in, auto& x) { s.listen = listen_in(in, x, base); }},
         {"retry_every", [&](auto& in, auto& x) { s.retry_every = in.some_time(x); }},
         {"admin",
          [&](auto& in, auto& x) {
              if (!x.is_null()) s.admin = admin_in(in, x, base);
          }},
         {"state",
          [&](auto& in, auto& x) {
              if (!x.is_null()) s.state = (base / in.string(x)).lexically_normal().string();
          }},
         {"queue_limit", [&](auto& in, auto& x) { s.queue_limit = in.bytes(x); }},
         {"disk_reserve", [&](auto& in, auto& x) { s.disk_reserve = in.bytes(x, 0); }},
         {"max_age",
          [&](auto& in, auto& x) {
              if (!x.is_null()) s.max_age = in.some_time(x);
          }},
         {"keep_delivered", [&](auto& in, auto& x) { s.keep_delivered = in.duration(x); }},
         {"drain_delay", [&](auto& in, auto& x) { s.drain_delay = delay_in(in, x); }},
         {"trusted_proxies", [&](auto& in, auto& x) { s.trusted_proxies = proxies_in(in, x); }}});
    const std::string text = supe::text_of_source(file, when);
    supe::read_config_text(text, file.string(), [&](auto& in, auto& whole) {
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
    check_admin(s);
    if (s.demo && s.listen.front().tls)
        throw std::runtime_error(
            "--demo: its sender speaks HTTP without TLS: leave out the "
            "certificate of the first address");
    for (const relay_route& route : s.routes) check_destination(route, s);
}

}  // namespace components
