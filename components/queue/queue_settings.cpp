#include "components/queue/queue_settings.hpp"

#include "supe/text/config.hpp"

#include <fmt/format.h>
#include <algorithm>

namespace components {
namespace {

using reader = supe::field_reader;
using supe::located_value;

constexpr unsigned most_in_flight = 1'000'000;
constexpr std::size_t most_routes = 1000;

lane_settings lane_in(const reader& in, const located_value& v) {
    lane_settings s;
    s.route.clear();
    s.forwarder.clear();
    in.object(
        v,
        {{"name", [&](auto& i, auto& x) { s.route = i.name(x); }},
         {"forwarder", [&](auto& i, auto& x) { s.forwarder = i.string(x); }},
         {"in_flight", [&](auto& i, auto& x) { s.in_flight = i.count(x, 1, most_in_flight); }},
         {"connections", [&](auto& i, auto& x) { s.connections = i.count(x, 1, most_in_flight); }},
         {"retry", [&](auto& i, auto& x) { s.retry = read_retry(i, x); }},
         {"ordered", [&](auto& i, auto& x) { s.ordered = i.boolean(x); }},
         {"dedupe_for", [&](auto& i, auto& x) {
              if (!x.is_null()) s.dedupe_for = i.some_time(x);
          }}});
    if (s.route.empty()) in.fail(v.position, "name is missing");
    if (s.forwarder.empty()) s.forwarder = "forwarder-" + s.route;
    return s;
}

std::vector<lane_settings> lanes_in(const reader& in, const located_value& v) {
    std::vector<lane_settings> lanes;
    for (std::size_t i = 0; i < in.array(v).size(); ++i) {
        const reader below = in.below(i);
        const located_value& one = in.array(v)[i];
        lanes.push_back(lane_in(below, one));
        const auto same = [&](const lane_settings& l) { return l.route == lanes.back().route; };
        if (std::ranges::count_if(lanes, same) > 1)
            below.fail(one.position, fmt::format("there are two routes {}", lanes.back().route));
    }
    if (lanes.empty() || lanes.size() > most_routes)
        in.fail(v.position, fmt::format("must have 1 to {} routes", most_routes));
    return lanes;
}

}  // namespace

retry_settings read_retry(const supe::field_reader& in, const located_value& v) {
    retry_settings s;
    in.object(v, {{"first", [&](auto& i, auto& x) { s.first = i.some_time(x); }},
                  {"factor", [&](auto& i, auto& x) { s.factor = i.factor(x, 1, 100); }},
                  {"max", [&](auto& i, auto& x) { s.max = i.some_time(x); }},
                  {"jitter", [&](auto& i, auto& x) { s.jitter = i.factor(x, 0, 1); }},
                  {"for", [&](auto& i, auto& x) { s.give_up = i.some_time(x); }},
                  {"refused", [&](auto& i, auto& x) { s.refused = i.count(x, 1, 1000); }}});
    return s;
}

queue_settings queue_settings_in(const boost::json::value& config) {
    queue_settings s;
    supe::read_config(
        config,
        {{"file", [&](auto& in, auto& x) { s.file = in.string(x); }},
         {"socket", [&](auto& in, auto& x) { s.socket = in.string(x); }},
         {"window", [&](auto& in, auto& x) { s.window = in.count(x, 1, most_in_flight); }},
         {"in_flight",
          [&](auto& in, auto& x) {
              s.limits.lanes.front().in_flight = in.count(x, 1, most_in_flight);
          }},
         {"limit", [&](auto& in, auto& x) { s.limits.bytes = in.bytes(x); }},
         {"disk_reserve", [&](auto& in, auto& x) { s.limits.disk_reserve = in.bytes(x, 0); }},
         {"max_age",
          [&](auto& in, auto& x) {
              if (!x.is_null()) s.limits.max_age = in.some_time(x);
          }},
         {"keep_delivered", [&](auto& in, auto& x) { s.limits.keep_delivered = in.duration(x); }},
         {"routes", [&](auto& in, auto& x) { s.limits.lanes = lanes_in(in, x); }}});
    return s;
}

}  // namespace components
