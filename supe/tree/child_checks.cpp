#include "supe/tree/child_checks.hpp"

#include "supe/process/identity.hpp"
#include "supe/tree/tree_file.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <boost/json/serialize.hpp>
#include <utility>

namespace supe {
namespace {

using located = located_value;

constexpr std::size_t start_limit = 16u << 20;  // bytes of JSON

/// What would have to pass over the channel.
void check_without_channel(const field_reader& r, const located& v, const child_spec& c) {
    const std::pair<const char*, bool> given[] = {{"component", !c.component.empty()},
                                                  {"config", !c.config->is_null()},
                                                  {"ready", c.ready == ready_kind::signal},
                                                  {"ask", c.ask},
                                                  {"demand", c.demand},
                                                  {"may", !c.may.empty()}};
    for (const auto& [key, is_given] : given) {
        if (is_given)
            r.fail(v.position_of(key),
                   fmt::format("\"{}\" has no channel, which {} needs", c.name, key));
    }
}

/// What is for programs has no meaning for a supervisor.
void check_nested(const field_reader& r, const located& v, const child_spec& c) {
    const child_spec plain;
    const std::pair<const char*, bool> given[] = {
        {"config", !c.config->is_null()},
        {"user", !c.run_as->user.empty()},
        {"group", !c.run_as->group.empty()},
        {"stop_command", !c.stop_command->empty()},
        {"stdin", c.input != plain.input},
        {"channel", !c.channel},
        {"may", !c.may.empty()},
        {"kill_mode", c.kill_mode != plain.kill_mode},
        {"ready", c.ready != plain.ready},
        {"start_timeout", c.start_timeout != plain.start_timeout},
        {"watchdog", c.watchdog.has_value()},
        {"listen", !c.listen.empty()},
        {"log", !c.log->file.empty()},
        {"demand", c.demand},
        {"instances", c.instances > 1}};
    for (const auto& [key, is_given] : given) {
        if (is_given)
            r.fail(v.position_of(key), fmt::format("{} cannot be combined with children", key));
    }
}

}  // namespace

void check_child(const field_reader& r, const located& v, const child_spec& c, bool nested) {
    if (c.name.empty()) r.fail(v.position, "name is missing");
    const int kinds =
        (c.command.empty() ? 0 : 1) + (c.component.empty() ? 0 : 1) + (nested ? 1 : 0);
    if (kinds != 1)
        r.fail(v.position,
               fmt::format("\"{}\" needs exactly one of command, component, children", c.name));
    if (!c.command.empty() && c.command.front().empty())
        r.fail(v.position_of("command"), "the first word of command is empty");
    if (c.significant && c.restart == restart_type::permanent)
        r.fail(v.position_of("significant"),
               "a significant child must be transient or temporary (a permanent one never ends "
               "of itself)");
    if (c.significant && c.demand)
        r.fail(v.position_of("significant"),
               "a child on demand ends whenever it has nothing to do, and cannot be significant");
    if (!c.component.empty() && *c.run_as != run_as_spec())
        r.fail(
            v.position_of(c.run_as->user.empty() ? "group" : "user"),
            fmt::format("\"{}\" is a built-in component, which uses the state directory and runs "
                        "as its supervisor does",
                        c.name));
    if (nested) check_nested(r, v, c);
    if (!c.channel) check_without_channel(r, v, c);
}

void check_significant(const field_reader& r, const located& v, const supervisor_spec& s) {
    if (s.auto_shutdown != auto_shutdown_kind::never) return;
    for (std::size_t i = 0; i < s.children.size(); ++i) {
        if (!s.children[i].significant) continue;
        const auto& field = std::ranges::find(v.members, "children", &located::member::key)->value;
        r.below("children")
            .below(i)
            .fail(field.elements[i].position_of("significant"),
                  "significant has no meaning while auto_shutdown is never");
    }
}

void check_identity(const field_reader& r, const located& v, const child_spec& c) {
    if (*c.run_as == run_as_spec()) return;
    const auto found = look_up_identity(c.run_as->user, c.run_as->group);
    const auto* error = std::get_if<launch_error>(&found);
    if (!error) return;
    const bool is_user = !c.run_as->user.empty() && !error->text.starts_with("group ");
    const char* const key = is_user ? "user" : "group";
    r.below(key).fail(v.position_of(key), error->text);
}

void check_addresses(const field_reader& r, const located& v, const supervisor_spec& s,
                     std::size_t above) {
    const auto found = std::ranges::find(v.members, "children", &located::member::key);
    for (std::size_t i = 0; i < s.children.size(); ++i) {
        const child_spec& c = s.children[i];
        const located& place = found->value.elements[i];
        const field_reader in = r.below("children").below(i);
        const std::size_t length = above + 1 + c.name.size();
        if (length > longest_address)
            in.below("name").fail(place.position_of("name"),
                                  fmt::format("the address of \"{}\" has {} characters, at most {} "
                                              "are allowed",
                                              c.name, length, longest_address));
        if (c.supervisor) check_addresses(in, place, *c.supervisor, length);
    }
}

void check_start(const field_reader& r, const located& v, const child_spec& c) {
    const std::size_t size =
        boost::json::serialize(c.supervisor ? to_json(*c.supervisor) : *c.config).size();
    if (size <= start_limit) return;
    r.fail(v.position_of(c.supervisor ? "children" : "config"),
           fmt::format("\"{}\" would begin with a frame of {} bytes, and the limit is {}", c.name,
                       size, start_limit));
}

}  // namespace supe
