// Trees as JSON.
#include "supe/process/exit_status.hpp"
#include "supe/text/units.hpp"
#include "supe/tree/tree_file.hpp"

#include <fmt/format.h>

namespace supe {
namespace {

namespace json = boost::json;

json::value text(milliseconds d) { return json::string(print_duration(d)); }

json::array texts(const std::vector<std::string>& all) {
    return json::array(all.begin(), all.end());
}

template <class T>
void put(json::object& o, const char* key, const T& value, const T& otherwise, json::value shown) {
    if (!(value == otherwise)) o[key] = std::move(shown);
}

void put_backoff(json::object& o, const backoff_spec& b) {
    const backoff_spec plain;
    json::object out;
    put(out, "first", b.first, plain.first, text(b.first));
    put(out, "factor", b.factor, plain.factor, b.factor);
    put(out, "max", b.max, plain.max, text(b.max));
    put(out, "jitter", b.jitter, plain.jitter, b.jitter);
    put(out, "reset_after", b.reset_after, plain.reset_after, text(b.reset_after));
    if (!out.empty()) o["backoff"] = std::move(out);
}

void put_log(json::object& o, const log_spec& log) {
    const log_spec plain;
    if (log.file.empty()) return;
    json::object out{{"file", log.file}};
    put(out, "size", log.size, plain.size, json::string(print_bytes(log.size)));
    put(out, "count", log.count, plain.count, log.count);
    o["log"] = std::move(out);
}

void put_orders(json::object& o, order_set may) {
    if (may.empty()) return;
    json::array words;
    for (const auto kind : all_orders)
        if (may.has(kind)) words.push_back(order_word(kind));
    o["may"] = std::move(words);
}

json::object mail_json(const mail_spec& m) {
    const mail_spec plain;
    json::object out;
    put(out, "window", m.limits.window, plain.limits.window, m.limits.window);
    put(out, "limit", m.limits.count, plain.limits.count, m.limits.count);
    put(out, "limit_bytes", m.limits.bytes, plain.limits.bytes,
        json::string(print_bytes(m.limits.bytes)));
    put(out, "on_full", m.on_full, plain.on_full, "block");
    put(out, "attempts", m.limits.attempts, plain.limits.attempts, m.limits.attempts);
    return out;
}

json::value shutdown_json(const shutdown_spec& s) {
    if (!s.limit) return "infinity";
    return s.at_once() ? json::value("kill") : text(*s.limit);
}

/// The members that a root and a nested supervisor share.
void put_supervisor(json::object& o, const supervisor_spec& s) {
    constexpr const char* strategies[] = {"one_for_one", "one_for_all", "rest_for_one"};
    constexpr const char* shutdowns[] = {"never", "any_significant", "all_significant"};
    const supervisor_spec plain;
    put(o, "strategy", s.strategy, plain.strategy, strategies[static_cast<int>(s.strategy)]);
    if (s.limit.count) o["max_restarts"] = *s.limit.count;
    put(o, "within", s.limit.within, plain.limit.within, text(s.limit.within));
    put(o, "auto_shutdown", s.auto_shutdown, plain.auto_shutdown,
        shutdowns[static_cast<int>(s.auto_shutdown)]);
    if (!s.forward.empty()) o["forward"] = texts(s.forward);
    json::array children;
    for (const child_spec& c : s.children) children.push_back(to_json(c));
    o["children"] = std::move(children);
}

/// How a process of its own is run; a nested supervisor has none of these.
void put_program(json::object& o, const child_spec& c, const child_spec& plain) {
    constexpr const char* readies[] = {"started", "signal", "notify"};
    if (!c.command.empty()) o["command"] = texts(c.command);
    put(o, "component", c.component, plain.component, json::string(c.component));
    put(o, "user", c.run_as->user, plain.run_as->user, json::string(c.run_as->user));
    put(o, "group", c.run_as->group, plain.run_as->group, json::string(c.run_as->group));
    if (!c.stop_command->empty()) o["stop_command"] = texts(*c.stop_command);
    put(o, "stdin", c.input, plain.input, "open");
    put(o, "channel", c.channel, plain.channel, c.channel);
    put_orders(o, c.may);
    put(o, "kill_mode", c.kill_mode, plain.kill_mode, "mixed");
    put(o, "max_restarts", c.limit.count, plain.limit.count, c.limit.count);
    put(o, "within", c.limit.within, plain.limit.within, text(c.limit.within));
    put(o, "ready", c.ready, plain.ready, readies[static_cast<int>(c.ready)]);
    put(o, "start_timeout", c.start_timeout, plain.start_timeout, text(c.start_timeout));
    if (c.watchdog) o["watchdog"] = text(*c.watchdog);
    if (!c.listen.empty()) o["listen"] = texts(c.listen);
    put_log(o, *c.log);
    put(o, "demand", c.demand, plain.demand, c.demand);
    put(o, "instances", c.instances, plain.instances, c.instances);
}

}  // namespace

json::value to_json(const supervisor_spec& s) {
    json::object o{{"supe", 1}, {"name", s.name}};
    put_supervisor(o, s);
    if (s.journal) o["mail"] = json::object{{"journal", true}};
    return o;
}

json::value to_json(const child_spec& c) {
    constexpr const char* restarts[] = {"permanent", "transient", "temporary"};
    constexpr const char* excessives[] = {"stop", "escalate", "retry"};
    child_spec plain;
    if (c.supervisor) plain.shutdown.limit.reset();
    json::object o{{"name", c.name}};
    if (!c.supervisor) put_program(o, c, plain);
    if (!c.config->is_null()) o["config"] = *c.config;
    if (!c.directory.empty()) o["directory"] = c.directory;
    if (!c.env->empty()) {
        json::object env;
        for (const auto& [key, value] : *c.env) env[key] = value;
        o["env"] = std::move(env);
    }
    put(o, "restart", c.restart, plain.restart, restarts[static_cast<int>(c.restart)]);
    put(o, "significant", c.significant, plain.significant, c.significant);
    put(o, "on_excessive", c.on_excessive, plain.on_excessive,
        excessives[static_cast<int>(c.on_excessive)]);
    put(o, "retry_after", c.retry_after, plain.retry_after, text(c.retry_after));
    put_backoff(o, *c.backoff);
    put(o, "shutdown", c.shutdown.limit, plain.shutdown.limit, shutdown_json(c.shutdown));
    put(o, "ask", c.ask, plain.ask, c.ask);
    put(o, "stop_signal", c.stop_signal, plain.stop_signal,
        json::string(signal_name(c.stop_signal)));
    const std::vector<int>& clean = c.clean_exits->all;
    put(o, "clean_exits", clean, plain.clean_exits->all, json::array(clean.begin(), clean.end()));
    json::object mail = mail_json(*c.mail);
    if (c.supervisor && c.supervisor->journal) mail["journal"] = true;
    if (!mail.empty()) o["mail"] = std::move(mail);
    if (c.supervisor) put_supervisor(o, *c.supervisor);
    return o;
}

}  // namespace supe
