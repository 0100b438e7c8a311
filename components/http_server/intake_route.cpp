#include "components/http_server/intake_route.hpp"

#include "components/http/rate.hpp"
#include "components/webhook/route_path.hpp"
#include "components/webhook/webhook_key.hpp"
#include "supe/text/config.hpp"

#include <algorithm>

namespace components {
namespace {

intake_route route_in(const supe::field_reader& in, const supe::located_value& v) {
    intake_route r;
    in.object(
        v, {{"name", [&](auto& at, auto& x) { r.name = at.name(x); }},
            {"path", [&](auto& at, auto& x) { r.path = at.string(x); }},
            {"host", [&](auto& at, auto& x) { r.host = at.string(x); }},
            {"body_limit", [&](auto& at, auto& x) { r.body_limit = at.bytes(x, 1, largest_body); }},
            {"intake_rate", [&](auto& at, auto& x) { r.rate.emplace(read_rate(at, x)); }},
            {"verify", [&](auto& at, auto& x) { r.check.emplace(read_verify(at, x, "/")); }},
            {"keys_written", [](auto&, auto&) {}},  // another one is another config
            {"order_by", [&](auto& at, auto& x) { r.order_by = read_key_source(at, x); }},
            {"dedupe", [&](auto& at, auto& x) { r.dedupe = read_key_source(at, x); }},
            {"split", [&](auto& at, auto& x) { r.split = at.boolean(x); }}});
    return r;
}

std::optional<tls_files> tls_in(const supe::field_reader& in, const supe::located_value& v) {
    if (v.is_null()) return std::nullopt;
    tls_files files;
    in.object(v, {{"certificate", [&](auto& at, auto& x) { files.certificate = at.string(x); }},
                  {"key", [&](auto& at, auto& x) { files.key = at.string(x); }}});
    return files;
}

}  // namespace

std::size_t intake_settings::largest_body() const {
    return std::ranges::max_element(routes, {}, &intake_route::body_limit)->body_limit;
}

bool intake_settings::has_one_body_limit() const {
    return std::ranges::all_of(routes, [this](const intake_route& r) {
        return r.body_limit == routes.front().body_limit;
    });
}

intake_settings read_intake(const boost::json::value& config) {
    intake_settings s;
    intake_route only;
    supe::read_config(
        config,
        {{"to", [&](auto& in, auto& x) { s.to = in.string(x); }},
         {"socket", [&](auto& in, auto& x) { s.socket = in.string(x); }},
         {"body_limit", [&](auto& in, auto& x) { only.body_limit = in.bytes(x, 1, largest_body); }},
         {"trusted_proxies", [&](auto& in, auto& x) { s.trusted_proxies = read_ranges(in, x); }},
         {"drain_delay", [&](auto& in, auto& x) { s.drain_delay = in.duration(x); }},
         {"tls",
          [&](auto& in, auto& x) {
              for (std::size_t i = 0; i < in.array(x).size(); ++i)
                  s.tls.push_back(tls_in(in.below(i), x.elements[i]));
          }},
         {"routes", [&](auto& in, auto& x) {
              for (std::size_t i = 0; i < in.array(x).size(); ++i)
                  s.routes.push_back(route_in(in.below(i), x.elements[i]));
          }}});
    if (s.routes.empty()) s.routes.push_back(std::move(only));
    return s;
}

namespace {

/// Without the port, and without the dot that ends a full name (RFC 9110 §4.2.3 and RFC 1034 §3.1).
std::string_view plain_host(std::string_view host) {
    host = without_port(host);
    return host.ends_with('.') ? host.substr(0, host.size() - 1) : host;
}

}  // namespace

routed route_for(std::vector<intake_route>& routes, const called_site& site,
                 std::string_view target) {
    for (intake_route& r : routes) {
        if (!r.host.empty() && !same_field(r.host, plain_host(site.host))) continue;
        if (auto rest = rest_behind(r.path, target)) return {&r, std::move(*rest)};
    }
    return {};
}

}  // namespace components
