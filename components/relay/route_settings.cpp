#include "components/relay/route_settings.hpp"

#include "components/http/byte_stream.hpp"
#include "components/http/destination.hpp"
#include "components/http/rate.hpp"
#include "components/http/webhook_signer.hpp"
#include "components/queue/queue_settings.hpp"
#include "components/verification/verifier.hpp"
#include "components/webhook/route_path.hpp"
#include "components/webhook/webhook_key.hpp"
#include "supe/text/names.hpp"

#include <fmt/format.h>
#include <algorithm>

namespace components {
namespace {

using supe::field_reader;
using supe::located_value;
namespace fs = std::filesystem;

constexpr std::size_t most_routes = 200;        // two processes each
constexpr std::size_t longest_route_name = 48;  // `connection_lock-NAME` is a name too
constexpr std::size_t longest_path = 8000;      // as RFC 9110 §4.1 asks; a head has 64 KiB
constexpr std::size_t longest_host = 253;       // RFC 1035 §2.3.4, as text

/// A member that may be null, which says the same as its absence.
field_reader::field maybe(const char* key,
                          std::function<void(const field_reader&, const located_value&)> read) {
    return {key, [read = std::move(read)](auto& in, auto& v) {
                if (!v.is_null()) read(in, v);
            }};
}

std::string url_in(const field_reader& in, const located_value& v) {
    read_destination(in, v);
    return in.string(v);
}

std::string rate_in(const field_reader& in, const located_value& v) {
    read_rate(in, v);
    return in.string(v);
}

/// A file that `use` can be made of now: any other one would end its component again and again.
template <class F>
fs::path file_in(const field_reader& in, const located_value& v, const fs::path& base, F use) {
    const fs::path file = (base / in.string(v)).lexically_normal();
    try {
        use(file);
    } catch (const std::exception& e) {
        in.fail(v.position, e.what());
    }
    return file;
}

delivery_timeout timeout_in(const field_reader& in, const located_value& v) {
    delivery_timeout t;
    if (!v.is_object) {
        t.total = in.some_time(v);
        t.first_byte = t.total;
        t.connect = std::min(t.connect, t.total);
        return t;
    }
    std::optional<supe::milliseconds> connect, first_byte;
    in.object(v, {{"connect", [&](auto& at, auto& x) { connect = at.some_time(x); }},
                  {"first_byte", [&](auto& at, auto& x) { first_byte = at.some_time(x); }},
                  {"total", [&](auto& at, auto& x) { t.total = at.some_time(x); }}});
    const auto part = [&](const char* key, std::optional<supe::milliseconds> given,
                          supe::milliseconds usual) {
        if (given && *given > t.total)
            in.below(key).fail(v.position_of(key), "must not be longer than total, which is " +
                                                       supe::print_duration(t.total));
        return given.value_or(std::min(usual, t.total));
    };
    t.connect = part("connect", connect, t.connect);
    t.first_byte = part("first_byte", first_byte, t.first_byte);
    return t;
}

retry_settings retry_in(const field_reader& in, const located_value& v) {
    const retry_settings r = read_retry(in, v);
    if (r.max < r.first)
        in.below("max").fail(v.position_of("max"), "must not be shorter than first, which is " +
                                                       supe::print_duration(r.first));
    return r;
}

dedupe_rule dedupe_in(const field_reader& in, const located_value& v) {
    dedupe_rule d;
    const auto by = [&](const field_reader& at, const located_value& x) {
        const bool provider = x.scalar.is_string() && x.scalar.get_string() == "provider";
        if (!provider && !is_key_source(at.string(x)))
            at.wrong(x, R"("header:NAME", "json:/POINTER" or "provider")");
        d.by = at.string(x);
    };
    in.object(v, {{"by", by}, {"for", [&](auto& at, auto& x) { d.whole = at.some_time(x); }}});
    if (d.by.empty())
        in.fail(v.position, R"(by is missing: "header:NAME", "json:/POINTER" or "provider")");
    return d;
}

verify_settings checked_verify(const field_reader& in, const located_value& v,
                               const fs::path& base) {
    verify_settings settings = read_verify(in, v, base);
    try {
        const verifier reads_its_keys(settings);
    } catch (const supe::config_error& e) {
        in.fail(v.position, e.what());
    }
    return settings;
}

void resolve_dedupe(const field_reader& in, const located_value& v, relay_route& route) {
    if (!route.dedupe || route.dedupe->by != "provider") return;
    const auto refuse = [&](const std::string& what) {
        in.below("dedupe").fail(v.position_of("dedupe"), what);
    };
    const id_source* id = find_id_source(route.verify ? route.verify->how.kind : "");
    if (!id)
        refuse("\"provider\" needs a verify of a kind that has an id of its own: " +
               kinds_with_id());
    if (id->of_element && !route.split)
        refuse(fmt::format("\"provider\" of {} needs \"split\": true: each element has an id",
                           id->kind));
    route.dedupe->by = id->source;
}

void note_files(relay_route& route) {
    for (const fs::path& file : {route.ca_file, route.sign_key_file})
        if (!file.empty()) note_written(route.files_written, file);
    if (!route.verify) return;
    for (const fs::path& file : route.verify->key_files) note_written(route.keys_written, file);
    if (!route.verify->token_file.empty())
        note_written(route.keys_written, route.verify->token_file);
}

std::string path_in(const field_reader& in, const located_value& v) {
    std::string path = in.string(v);
    const bool plain = std::ranges::all_of(path, [](unsigned char c) {
        return c > ' ' && c < 0x7f && c != '?' && c != '#' && c != '%' && c != '\\';
    });
    const bool dots = (path + "/").find("/./") != path.npos ||
                      (path + "/").find("/../") != path.npos || path.find("//") != path.npos;
    if (!path.starts_with('/') || !plain || dots)
        in.wrong(v,
                 R"(a path like "/" or "/shop/orders", without query, escapes and dot segments)");
    if (path.size() > longest_path)
        in.wrong(v, fmt::format("a path of at most {} characters", longest_path));
    while (path.size() > 1 && path.ends_with('/')) path.pop_back();
    return path;
}

std::string route_name_in(const field_reader& in, const located_value& v) {
    std::string name = in.string(v);
    if (!supe::is_valid_name(name, longest_route_name))
        in.wrong(v, supe::valid_names(longest_route_name));
    return name;
}

relay_route route_in(const field_reader& in, const located_value& v, const fs::path& base) {
    relay_route route;
    route.name.clear();
    route.path.clear();
    auto fields = treatment_fields(route, base);
    fields.insert(fields.begin(),
                  {{"name", [&](auto& at, auto& x) { route.name = route_name_in(at, x); }},
                   maybe("path", [&](auto& at, auto& x) { route.path = path_in(at, x); }),
                   maybe("host", [&](auto& at, auto& x) { route.host = read_host(at, x); })});
    in.object(v, fields);
    if (route.name.empty()) in.fail(v.position, "name is missing");
    if (route.to.empty()) in.fail(v.position, "to is missing: the URL of its destination");
    if (route.path.empty() && route.host.empty())
        in.fail(v.position, R"(path is missing; "/" is every path)");
    if (route.path.empty()) route.path = "/";
    complete_route(in, v, route);
    return route;
}

/// Where the other one of two stands.
std::string place_of(const field_reader& in, const located_value& v, std::size_t index) {
    const auto& at = v.elements[index].position;
    return fmt::format("{} ({}:{}:{})", in.below(index).path, in.file, at.line, at.column);
}

/// Each webhook goes to the first route that fits.
bool takes_all_of(const relay_route& earlier, const relay_route& later) {
    return (earlier.host.empty() || same_field(earlier.host, later.host)) &&
           rest_behind(earlier.path, later.path).has_value();
}

void check_against(const field_reader& in, const located_value& v,
                   const std::vector<relay_route>& earlier, const relay_route& route) {
    const std::size_t index = earlier.size();
    const located_value& own = v.elements[index];
    for (std::size_t i = 0; i < index; ++i) {
        const relay_route& other = earlier[i];
        if (other.name == route.name)
            in.below(index).below("name").fail(
                own.position_of("name"),
                fmt::format("\"{}\" is the name of {} already", route.name, place_of(in, v, i)));
        if (takes_all_of(other, route))
            in.below(index).below("path").fail(
                own.position_of("path"),
                fmt::format("no webhook can get here: {} takes {} of {}; put this route before it",
                            place_of(in, v, i), other.path == "/" ? "every path" : other.path,
                            other.host.empty() ? "every host" : other.host));
    }
}

}  // namespace

void note_written(std::int64_t& newest, const fs::path& file) {
    std::error_code unknown;
    const auto at = std::chrono::file_clock::to_sys(fs::last_write_time(file, unknown));
    if (!unknown) newest = std::max<std::int64_t>(newest, at.time_since_epoch().count());
}

std::string read_host(const field_reader& in, const located_value& v) {
    std::string host = in.string(v);
    const bool plain = !host.empty() && std::ranges::all_of(host, [](unsigned char c) {
        return std::isalnum(c) || c == '-' || c == '.' || c == '_' || c == '[' || c == ']' ||
               c == ':';
    });
    const bool has_port =
        host.find(':') != host.npos && (!host.starts_with('[') || !host.ends_with(']'));
    if (!plain || has_port) in.wrong(v, R"(a host like "hooks.example.com", without a port)");
    if (host.size() > longest_host)
        in.wrong(v, fmt::format("a host of at most {} characters", longest_host));
    return host;
}

std::vector<field_reader::field> treatment_fields(relay_route& r, fs::path base) {
    return {
        {"to", [&r](auto& in, auto& x) { r.to = url_in(in, x); }},
        {"exact", [&r](auto& in, auto& x) { r.exact = in.boolean(x); }},
        {"connections",
         [&r](auto& in, auto& x) { r.connections = in.count(x, 1, most_connections); }},
        maybe("rate", [&r](auto& in, auto& x) { r.rate = rate_in(in, x); }),
        {"timeout", [&r](auto& in, auto& x) { r.timeout = timeout_in(in, x); }},
        maybe("ca_file",
              [&r, base](auto& in, auto& x) { r.ca_file = file_in(in, x, base, authorities_of); }),
        {"body_limit", [&r](auto& in, auto& x) { r.body_limit = in.bytes(x, 1, largest_body); }},
        maybe("intake_rate", [&r](auto& in, auto& x) { r.intake_rate = rate_in(in, x); }),
        maybe("verify", [&r, base](auto& in, auto& x) { r.verify = checked_verify(in, x, base); }),
        {"retry", [&r](auto& in, auto& x) { r.retry = retry_in(in, x); }},
        maybe("order_by", [&r](auto& in, auto& x) { r.order_by = read_key_source(in, x); }),
        maybe("dedupe", [&r](auto& in, auto& x) { r.dedupe = dedupe_in(in, x); }),
        {"split", [&r](auto& in, auto& x) { r.split = in.boolean(x); }},
        maybe("sign", [&r, base](auto& in, auto& x) {
            in.object(x, {{"key_file", [&](auto& at, auto& file) {
                               r.sign_key_file = file_in(at, file, base, webhook_signer::of_file);
                           }}});
            if (r.sign_key_file.empty()) in.fail(x.position, "key_file is missing");
        })};
}

void complete_route(const field_reader& in, const located_value& v, relay_route& route) {
    resolve_dedupe(in, v, route);
    note_files(route);
}

std::vector<relay_route> read_routes(const field_reader& in, const located_value& v,
                                     const fs::path& base) {
    const std::size_t n = in.array(v).size();
    if (n < 1 || n > most_routes)
        in.wrong(v, fmt::format("an array of 1 to {} routes", most_routes));
    std::vector<relay_route> routes;
    for (std::size_t i = 0; i < n; ++i) {
        relay_route route = route_in(in.below(i), v.elements[i], base);
        check_against(in, v, routes, route);
        routes.push_back(std::move(route));
    }
    return routes;
}

}  // namespace components
