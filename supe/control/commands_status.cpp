// What runs, as the JSON of contract §6: name, address, pid, state, restarts, uptime_ms, mailbox,
// last_exit, children.
#include "supe/control/commands.hpp"
#include "supe/output/output_line.hpp"
#include "supe/supervision/large_answer.hpp"

#include <fmt/format.h>
#include <unistd.h>
#include <boost/json/parse.hpp>

namespace supe::control {
namespace {

namespace json = boost::json;

/// The children of a supervisor that is down, from its spec: all of them are down.
void find_in_spec(const supervisor_spec& spec, const std::string& address, std::string_view role,
                  json::array& found) {
    for (const child_spec& c : spec.children) {
        const std::string its_address = fmt::format("{}/{}", address, c.name);
        if (c.component == role)
            found.push_back(json::object{{"address", its_address}, {"state", "stopped"}});
        if (c.supervisor) find_in_spec(*c.supervisor, its_address, role, found);
    }
}

long long in_ms(duration d) { return std::chrono::duration_cast<milliseconds>(d).count(); }

/// Null when no process was started.
json::value last_exit(const child_entry& entry) {
    if (entry.deaths.empty()) return nullptr;
    const death& last = entry.deaths.back();
    json::value exit = json::parse(last.exit);
    if (exit.is_object()) exit.get_object()["asked_for"] = last.asked_for;
    return exit;
}

}  // namespace

json::object commands::describe(const child& c) const {
    const child_entry& entry = supervisor_.entry_of(c);
    const bool up = c.pid() > 0;
    json::object node;
    node["name"] = c.spec().name;
    node["address"] = c.address();
    node["pid"] = up ? json::value(c.pid()) : json::value(nullptr);
    node["state"] = name_of(supervisor_.status_of(c));
    node["restarts"] = supervisor_.restarts_of(c);
    node["uptime_ms"] = up ? in_ms(supervisor_.time().now() - c.started_at()) : 0;
    node["mailbox"] = json::object{{"queued", entry.mail.box.queued()},
                                   {"in_flight", entry.mail.box.in_flight()}};
    node["last_exit"] = last_exit(entry);
    if (const std::string says = c.status_text(); !says.empty()) node["status"] = says;
    const time_point retry = supervisor_.retry_of(c);
    if (retry != never)
        node["retry_in_ms"] = std::max(0LL, in_ms(retry - supervisor_.time().now()));
    node["children"] = json::array();
    return node;
}

json::object commands::describe_self() {
    json::object node;
    node["name"] = supervisor_.name();
    node["address"] = supervisor_.address().empty() ? "/" : supervisor_.address();
    node["pid"] = ::getpid();
    node["state"] = supervisor_.is_stopping() ? "stopping"
                    : supervisor_.is_booted() ? "running"
                                              : "starting";
    node["restarts"] = 0;
    node["uptime_ms"] = in_ms(supervisor_.uptime());
    node["mailbox"] = json::object{{"queued", 0}, {"in_flight", 0}};
    node["last_exit"] = nullptr;
    const operation_queue& operations = supervisor_.admin().operations();
    if (const operation* const current = operations.current()) {
        node["operation"] = current->text();
        node["operations_waiting"] = operations.waiting();
    }
    if (supervisor_.is_output_stuck()) node["output_stuck"] = true;
    node["children"] = json::array();
    return node;
}

/// A nested supervisor answers for its children and its operations; one that is up and does not is
/// marked `silent`.
awaitable<> commands::fill_children(json::object& node, std::string name) {
    json::object request{{"do", "status"}, {"address", node.at("address")}};
    json::value answer = co_await supervisor_.ask_below(name, std::move(request));
    auto ok = ok_of(std::move(answer));
    if (ok && ok->is_object()) {
        for (const char* key : {"operation", "operations_waiting", "children"}) {
            if (auto* member = ok->get_object().if_contains(key)) node[key] = std::move(*member);
        }
    } else {
        node["silent"] = true;
    }
}

awaitable<json::value> commands::status_of_child(std::string name) {
    const auto members = supervisor_.members(name);
    if (members.empty()) co_return no_such_child(fmt::format("{}/{}", supervisor_.address(), name));
    const child& first = *members.front();
    json::object node = describe(first);
    if (members.size() > 1) {  // a name with instances: their sum, and each of them as a child
        node["name"] = name;
        node["address"] = fmt::format("{}/{}", supervisor_.address(), name);
        node["pid"] = nullptr;
        node["last_exit"] = nullptr;
        node.erase("retry_in_ms");
        node.erase("status");
        unsigned restarts = 0;
        for (const child* c : members) {
            json::object one = describe(*c);
            restarts += supervisor_.restarts_of(*c);
            if (one.at("state") == "running") node["state"] = "running";
            node["uptime_ms"] = std::max(node["uptime_ms"].to_number<std::int64_t>(),
                                         one["uptime_ms"].to_number<std::int64_t>());
            node["children"].get_array().push_back(std::move(one));
        }
        node["restarts"] = restarts;
        co_return json::object{{"ok", std::move(node)}};
    }
    json::array deaths;
    utc_text stamp;
    for (const auto& d : supervisor_.entry_of(first).deaths) {
        deaths.push_back(json::object{{"at", stamp.of(d.at)},
                                      {"text", d.text},
                                      {"exit", json::parse(d.exit)},
                                      {"after_ms", d.lasted.count()},
                                      {"clean", d.clean},
                                      {"asked_for", d.asked_for}});
    }
    const bool ask = first.is_supervisor() && first.pid() > 0;
    if (ask) co_await fill_children(node, name);
    node["deaths"] = std::move(deaths);
    co_return json::object{{"ok", std::move(node)}};
}

/// Nested supervisors are asked all at once, so that several silent ones cost the time of one.
awaitable<json::value> commands::status_of_all() {
    json::object self = describe_self();
    std::vector<json::object> nodes;
    std::vector<std::pair<std::size_t, std::string>> nested;
    for (const child* c : supervisor_.children()) {
        if (c->is_supervisor() && c->pid() > 0) nested.emplace_back(nodes.size(), c->spec().name);
        nodes.push_back(describe(*c));
    }
    nursery questions(supervisor_.time());
    for (const auto& [index, name] : nested) questions.start(fill_children(nodes[index], name));
    co_await questions.join();
    json::array& children = self["children"].get_array();
    for (json::object& node : nodes) children.push_back(std::move(node));
    co_return json::object{{"ok", std::move(self)}};
}

/// The children with this role, here and below. What lies under a nested supervisor that is silent
/// is not known: an error.
awaitable<json::value> commands::find(object request) {
    const auto* role = request.if_contains("component");
    if (!role || !role->is_string()) co_return error("find needs a component", result::bad_request);
    json::array found;
    for (const child* c : supervisor_.children()) {
        if (c->spec().component == role->get_string())
            found.push_back(json::object{{"address", c->address()},
                                         {"state", name_of(supervisor_.status_of(*c))}});
        if (c->is_supervisor() && c->pid() == 0)
            find_in_spec(*c->spec().supervisor, c->address(), role->get_string(), found);
    }
    request["address"] = "/";  // each is asked for itself
    auto answers = co_await ask_all_below(std::move(request));
    for (json::value& answer : answers) {
        const auto ok = ok_of(std::move(answer));
        if (!ok || !ok->is_array())
            co_return error("a nested supervisor does not answer: what runs below is not known",
                            result::timed_out);
        for (const json::value& one : ok->get_array()) found.push_back(one);
    }
    co_return json::object{{"ok", std::move(found)}};
}

}  // namespace supe::control
