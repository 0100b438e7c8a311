#include "supe/tree/tree_file.hpp"

#include "supe/process/exit_status.hpp"
#include "supe/process/listen_address.hpp"
#include "supe/text/config.hpp"
#include "supe/text/json_text.hpp"
#include "supe/text/units.hpp"
#include "supe/tree/child_checks.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>
#include <array>
#include <set>

namespace supe {
namespace {

using located = located_value;

backoff_spec read_backoff(const field_reader& r, const located& v) {
    backoff_spec b;
    r.object(v, {{"first", [&](auto& in, auto& x) { b.first = in.duration(x); }},
                 {"factor", [&](auto& in, auto& x) { b.factor = in.factor(x, 1, 1000); }},
                 {"max", [&](auto& in, auto& x) { b.max = in.duration(x); }},
                 {"jitter", [&](auto& in, auto& x) { b.jitter = in.factor(x, 0, 1); }},
                 {"reset_after", [&](auto& in, auto& x) { b.reset_after = in.duration(x); }}});
    if (b.first > b.max)
        r.fail(v.position_of("first"), fmt::format("first ({}) must not be longer than max ({})",
                                                   print_duration(b.first), print_duration(b.max)));
    return b;
}

mail_spec read_mail(const field_reader& r, const located& v, bool& journal) {
    mail_spec m;
    r.object(v, {{"window", [&](auto& in, auto& x) { m.limits.window = in.count(x, 1, 1000000); }},
                 {"limit", [&](auto& in, auto& x) { m.limits.count = in.number(x, 1, 100000000); }},
                 {"limit_bytes", [&](auto& in, auto& x) { m.limits.bytes = in.bytes(x); }},
                 {"on_full",
                  [&](auto& in, auto& x) {
                      m.on_full = in.template choice<on_full_kind>(
                          x, {{"reject", on_full_kind::reject}, {"block", on_full_kind::block}});
                  }},
                 {"attempts", [&](auto& in, auto& x) { m.limits.attempts = in.count(x, 1, 1000); }},
                 {"journal", [&](auto& in, auto& x) { journal = in.boolean(x); }}});
    return m;
}

shutdown_spec read_shutdown(const field_reader& r, const located& v) {
    if (v.scalar == "kill") return {milliseconds(0)};
    if (v.scalar == "infinity") return {std::nullopt};
    const auto d = v.scalar.is_string() ? parse_duration(std::string_view(v.scalar.get_string()))
                                        : std::nullopt;
    if (!d)
        r.wrong(v, fmt::format(R"(a duration like "8s", from 0ms to {}, or "kill", or "infinity")",
                               print_duration(longest_duration)));
    return {*d};
}

log_spec read_log(const field_reader& r, const located& v) {
    log_spec log;
    r.object(v, {{"file",
                  [&](auto& in, auto& x) {
                      log.file = in.string(x);
                      const auto is_control = [](unsigned char c) { return c < 0x20; };
                      if (log.file.empty() || std::ranges::any_of(log.file, is_control))
                          in.wrong(x, "the name of a file");
                  }},
                 {"size", [&](auto& in, auto& x) { log.size = in.bytes(x, 1024); }},
                 {"count", [&](auto& in, auto& x) { log.count = in.count(x, 1, 1000); }}});
    if (log.file.empty() && !v.members.empty()) r.fail(v.position, "file is missing");
    return log;
}

order_set read_orders(const field_reader& r, const located& v) {
    using kind = order_kind;
    order_set may;
    for (std::size_t i = 0; i < r.array(v).size(); ++i)
        may.add(r.below(i).choice<kind>(v.elements[i], {{order_word(kind::start), kind::start},
                                                        {order_word(kind::stop), kind::stop},
                                                        {order_word(kind::restart), kind::restart},
                                                        {order_word(kind::scale), kind::scale}}));
    return may;
}

exit_codes read_clean_exits(const field_reader& r, const located& v) {
    exit_codes codes{{}};
    for (std::size_t i = 0; i < r.array(v).size(); ++i)
        codes.all.push_back(static_cast<int>(r.below(i).number(v.elements[i], 0, 255)));
    return codes;
}

/// Reads one tree or child; `directory` is what relative directories are relative to.
class tree_reader {
public:
    tree_reader(const std::filesystem::path& directory, const std::vector<std::string>& roles,
                tree_use use = tree_use::anywhere)
        : directory_(directory), roles_(roles), use_(use) {}

    supervisor_spec root(const field_reader& r, const located& v) {
        supervisor_spec s;
        auto fields = supervisor_fields(s);
        bool named = false;
        fields.push_back({"supe", [](auto& in, auto& x) {
                              if (in.number(x, 0, 1000000) != 1)
                                  in.wrong(x, "1, the format that this version reads");
                          }});
        fields.push_back({"name", [&](auto& in, auto& x) {
                              s.name = in.name(x);
                              named = true;
                          }});
        fields.push_back({"mail", [&](auto& in, auto& x) {
                              in.object(x, {{"journal", [&](auto& inner, auto& y) {
                                                 s.journal = inner.boolean(y);
                                             }}});
                          }});
        r.object(v, fields);
        if (!named) r.fail(v.position, "name is missing");
        check_significant(r, v, s);
        check_addresses(r, v, s);
        return s;
    }

    child_spec child(const field_reader& r, const located& v) {
        child_spec c;
        supervisor_spec own;  // where it has children
        std::string directory = ".";
        const bool nested = v.is_object && std::ranges::any_of(v.members, [](auto& m) {
                                return m.key == "children";
                            });
        auto fields = child_fields(c, directory);
        fields.push_back(
            {"mail", [&](auto& in, auto& x) { c.mail = read_mail(in, x, own.journal); }});
        if (nested) {
            c.shutdown.limit.reset();
            for (auto& f : supervisor_fields(own)) fields.push_back(std::move(f));
        } else {
            fields.push_back({"max_restarts",
                              [&](auto& in, auto& x) { c.limit.count = in.count(x, 0, 1000000); }});
            fields.push_back(
                {"within", [&](auto& in, auto& x) { c.limit.within = in.some_time(x); }});
            fields.push_back({"children", {}});  // only to be listed among the choices
        }
        r.object(v, fields);
        if (own.journal && !nested)
            r.fail(v.position_of("mail"),
                   "journal is for supervisors: for the tree, or a child with children");
        c.directory = (directory_ / directory).lexically_normal().string();
        if (!c.log->file.empty())
            c.log.edit().file = (directory_ / c.log->file).lexically_normal().string();
        check_child(r, v, c, nested);
        if (use_ == tree_use::here) check_identity(r, v, c);
        check_listen(r, v, c);
        check_log(r, v, c);
        if (nested) {
            own.name = c.name;
            check_significant(r, v, own);
            c.supervisor = std::make_shared<supervisor_spec>(std::move(own));
        }
        check_start(r, v, c);
        return c;
    }

private:
    std::vector<field_reader::field> supervisor_fields(supervisor_spec& s) {
        using kind = strategy_kind;
        using shut = auto_shutdown_kind;
        return {
            {"strategy",
             [&](auto& in, auto& x) {
                 s.strategy = in.template choice<kind>(x, {{"one_for_one", kind::one_for_one},
                                                           {"one_for_all", kind::one_for_all},
                                                           {"rest_for_one", kind::rest_for_one}});
             }},
            {"max_restarts", [&](auto& in, auto& x) { s.limit.count = in.count(x, 0, 1000000); }},
            {"within", [&](auto& in, auto& x) { s.limit.within = in.some_time(x); }},
            {"auto_shutdown",
             [&](auto& in, auto& x) {
                 s.auto_shutdown =
                     in.template choice<shut>(x, {{"never", shut::never},
                                                  {"any_significant", shut::any_significant},
                                                  {"all_significant", shut::all_significant}});
             }},
            {"forward", [&](auto& in, auto& x) { s.forward = in.strings(x); }},
            {"children", [&](auto& in, auto& x) { children(in, x, s); }}};
    }

    std::vector<field_reader::field> child_fields(child_spec& c, std::string& directory) {
        return {
            {"name", [&](auto& in, auto& x) { c.name = in.name(x); }},
            {"command",
             [&](auto& in, auto& x) {
                 c.command = in.strings(x);
                 if (c.command.empty()) in.wrong(x, "a program and its arguments");
             }},
            {"component", [&](auto& in, auto& x) { c.component = role(in, x); }},
            {"config", [&](auto&, auto& x) { c.config = x.plain(); }},
            {"directory", [&](auto& in, auto& x) { directory = in.string(x); }},
            {"env", [&](auto& in, auto& x) { c.env = environment(in, x); }},
            {"user", [&](auto& in, auto& x) { c.run_as.edit().user = name_or_number(in, x); }},
            {"group", [&](auto& in, auto& x) { c.run_as.edit().group = name_or_number(in, x); }},
            {"stdin",
             [&](auto& in, auto& x) {
                 c.input = in.template choice<stdin_kind>(
                     x, {{"null", stdin_kind::null}, {"open", stdin_kind::open}});
             }},
            {"channel", [&](auto& in, auto& x) { c.channel = in.boolean(x); }},
            {"may", [&](auto& in, auto& x) { c.may = read_orders(in, x); }},
            {"restart",
             [&](auto& in, auto& x) {
                 c.restart =
                     in.template choice<restart_type>(x, {{"permanent", restart_type::permanent},
                                                          {"transient", restart_type::transient},
                                                          {"temporary", restart_type::temporary}});
             }},
            {"significant", [&](auto& in, auto& x) { c.significant = in.boolean(x); }},
            {"on_excessive",
             [&](auto& in, auto& x) {
                 c.on_excessive = in.template choice<on_excessive_kind>(
                     x, {{"stop", on_excessive_kind::stop},
                         {"escalate", on_excessive_kind::escalate},
                         {"retry", on_excessive_kind::retry}});
             }},
            {"retry_after", [&](auto& in, auto& x) { c.retry_after = in.some_time(x); }},
            {"backoff", [&](auto& in, auto& x) { c.backoff = read_backoff(in, x); }},
            {"ready",
             [&](auto& in, auto& x) {
                 c.ready = in.template choice<ready_kind>(x, {{"started", ready_kind::started},
                                                              {"signal", ready_kind::signal},
                                                              {"notify", ready_kind::notify}});
             }},
            {"start_timeout", [&](auto& in, auto& x) { c.start_timeout = in.some_time(x); }},
            {"shutdown", [&](auto& in, auto& x) { c.shutdown = read_shutdown(in, x); }},
            {"ask", [&](auto& in, auto& x) { c.ask = in.boolean(x); }},
            {"stop_signal", [&](auto& in, auto& x) { c.stop_signal = stop_signal(in, x); }},
            {"stop_command", [&](auto& in, auto& x) { c.stop_command = stop_command(in, x); }},
            {"kill_mode",
             [&](auto& in, auto& x) {
                 c.kill_mode = in.template choice<kill_mode_kind>(
                     x, {{"group", kill_mode_kind::group}, {"mixed", kill_mode_kind::mixed}});
             }},
            {"clean_exits", [&](auto& in, auto& x) { c.clean_exits = read_clean_exits(in, x); }},
            {"watchdog",
             [&](auto& in, auto& x) {
                 if (!x.is_null()) c.watchdog = in.some_time(x);
             }},
            {"listen", [&](auto& in, auto& x) { c.listen = in.strings(x); }},
            {"log", [&](auto& in, auto& x) { c.log = read_log(in, x); }},
            {"demand", [&](auto& in, auto& x) { c.demand = in.boolean(x); }},
            {"instances", [&](auto& in, auto& x) { c.instances = in.count(x, 1, 10000); }}};
    }

    std::string role(const field_reader& r, const located& v) {
        std::string name = r.string(v);
        if (!roles_.empty() && std::ranges::find(roles_, name) == roles_.end())
            r.fail(v.position,
                   fmt::format("{} is not one of {}", v.shown(), fmt::join(roles_, ", ")));
        return name;
    }

    void children(const field_reader& r, const located& v, supervisor_spec& s) {
        std::set<std::string> names;
        for (std::size_t i = 0; i < r.array(v).size(); ++i) {
            const field_reader in = r.below(i);
            s.children.push_back(child(in, v.elements[i]));
            const std::string& name = s.children.back().name;
            if (!names.insert(name).second)
                in.fail(v.elements[i].position,
                        fmt::format("the name \"{}\" is taken by an earlier child", name));
        }
    }

    static std::map<std::string, std::string> environment(const field_reader& r, const located& v) {
        constexpr std::array ours{"NODE_CHANNEL_FD",   "NODE_CHANNEL_SERIALIZATION_MODE",
                                  "SUPE_CITIZEN_NAME", "SUPE_ADDRESS",
                                  "SUPE_STATE",        "SUPE_CHILD_PID",
                                  "LISTEN_FDS",        "LISTEN_PID",
                                  "LISTEN_FDNAMES",    "NOTIFY_SOCKET",
                                  "WATCHDOG_PID",      "WATCHDOG_USEC"};
        if (!v.is_object) r.wrong(v, "an object of strings, numbers and booleans");
        std::map<std::string, std::string> env;
        for (const auto& m : v.members) {
            if (m.key.empty() ||
                m.key.find_first_of(std::string_view("=\0", 2)) != std::string::npos)
                r.fail(m.position, json_quoted(m.key) + " is no name of a variable");
            if (std::ranges::find(ours, m.key) != ours.end())
                r.fail(m.position, json_quoted(m.key) + " is set by the supervisor itself");
            const bool plain = m.value.scalar.is_number() || m.value.scalar.is_bool();
            const field_reader in = r.below(m.key);
            if (!plain && !m.value.scalar.is_string())
                in.wrong(m.value, "a string, a number, true or false");
            env[m.key] = plain ? std::string(m.value.written) : in.string(m.value);
        }
        return env;
    }

    /// Of a user or a group; empty for null.
    static std::string name_or_number(const field_reader& r, const located& v) {
        if (v.is_null()) return {};
        if (v.scalar.is_number()) return std::to_string(r.number(v, 0, 4294967294));
        std::string name = r.string(v);
        if (name.empty()) r.wrong(v, "a name or a number");
        return name;
    }

    static std::vector<std::string> stop_command(const field_reader& r, const located& v) {
        if (v.is_null()) return {};
        std::vector<std::string> words = r.strings(v);
        if (words.empty() || words.front().empty()) r.wrong(v, "a program and its arguments");
        return words;
    }

    static int stop_signal(const field_reader& r, const located& v) {
        const int number =
            v.scalar.is_string() ? signal_number(std::string(v.scalar.get_string())) : 0;
        if (number == 0) r.wrong(v, "a signal like \"SIGTERM\", \"SIGINT\", \"SIGQUIT\"");
        return number;
    }

    /// No address twice in the whole tree; port 0 is another one each time.
    void check_listen(const field_reader& r, const located& v, const child_spec& c) {
        if (c.listen.empty()) return;
        const auto& field = std::ranges::find(v.members, "listen", &located::member::key)->value;
        if (c.listen.size() > most_listen_addresses)
            r.below("listen").fail(field.position,
                                   fmt::format("has {} addresses, at most {} are allowed",
                                               c.listen.size(), most_listen_addresses));
        for (std::size_t i = 0; i < c.listen.size(); ++i) {
            const field_reader in = r.below("listen").below(i);
            const text_position position = field.elements[i].position;
            if (std::ranges::any_of(c.listen[i], [](unsigned char x) { return x < 0x20; }))
                in.wrong(field.elements[i], "an address");
            try {
                const listen_address a = parse_listen_address(c.listen[i]);
                const bool is_unix = a.what == listen_address::kind::unix_path;
                if (!is_unix && a.port == 0) continue;
                const std::string key =
                    is_unix
                        ? (std::filesystem::path(c.directory) / a.path).lexically_normal().string()
                        : fmt::format("{}:{}", a.host, a.port);
                if (is_unix && key.size() > unix_path_limit)
                    in.fail(position,
                            fmt::format("the path {} has {} bytes, at most {} are allowed",
                                        json_quoted(key), key.size(), unix_path_limit));
                const auto [other, is_new] = listeners_.emplace(key, c.name);
                if (!is_new)
                    in.fail(position, fmt::format("{} is listened on by \"{}\" already",
                                                  field.elements[i].shown(), other->second));
            } catch (const std::invalid_argument& e) {
                in.fail(position, e.what());
            }
        }
    }

    /// No file twice in the whole tree.
    void check_log(const field_reader& r, const located& v, const child_spec& c) {
        if (c.log->file.empty()) return;
        const auto [other, is_new] = log_files_.emplace(c.log->file, c.name);
        if (is_new) return;
        const auto& field = std::ranges::find(v.members, "log", &located::member::key)->value;
        r.below("log").below("file").fail(field.position_of("file"),
                                          fmt::format("{} is the log of \"{}\" already",
                                                      json_quoted(c.log->file), other->second));
    }

    const std::filesystem::path& directory_;
    const std::vector<std::string>& roles_;
    tree_use use_;
    std::map<std::string, std::string> listeners_;  // who listens where
    std::map<std::string, std::string> log_files_;  // who writes where
};

}  // namespace

supervisor_spec parse_tree(std::string_view text, const std::string& file,
                           const std::filesystem::path& directory,
                           const std::vector<std::string>& roles, tree_use use) {
    supervisor_spec tree;
    read_config_text(text, file, [&](const field_reader& r, const located& v) {
        tree = tree_reader(directory, roles, use).root(r, v);
    });
    return tree;
}

child_spec parse_child(std::string_view text, const std::string& file,
                       const std::filesystem::path& directory,
                       const std::vector<std::string>& roles) {
    child_spec child;
    read_config_text(text, file, [&](const field_reader& r, const located& v) {
        child = tree_reader(directory, roles).child(r, v);
    });
    return child;
}

}  // namespace supe
