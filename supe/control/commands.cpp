#include "supe/control/commands.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <unistd.h>

namespace supe::control {
namespace {

namespace json = boost::json;

std::string text_of(const json::object& o, const char* key) {
    const auto* value = o.if_contains(key);
    return value && value->is_string() ? std::string(value->get_string()) : std::string();
}

/// A bare name counts from the root (contract §6).
std::string absolute(std::string address) {
    if (!address.starts_with('/')) address.insert(0, "/");
    while (address.size() > 1 && address.ends_with('/')) address.pop_back();
    return address;
}

json::value ok(json::value v) { return json::object{{"ok", std::move(v)}}; }

long long in_ms(duration d) { return std::chrono::duration_cast<milliseconds>(d).count(); }

}  // namespace

json::value error(std::string text, result code) {
    return json::object{{"error", std::move(text)}, {"code", static_cast<int>(code)}};
}

struct commands::pending_mail {
    explicit pending_mail(clock& c) : settled(c) {}
    bool done = false;
    std::string reason;  // of a mail that could not be delivered
    timer settled;
};

commands::commands(supervisor& s) : supervisor_(s) {
    s.on_control_answers([this](const std::string& id, std::string_view signal, std::string_view reason) {
        const auto found = pending_.find(id);
        if (found == pending_.end()) return;
        if (signal == "MAIL-UNDELIVERABLE") found->second->reason = reason;
        if (signal == "MAIL-ACCEPTED" && id.starts_with("wait-")) return;
        found->second->done = true;
        found->second->settled.notify();
    });
    s.on_commands([this](json::object request) { return perform(std::move(request)); });
}

awaitable<json::value> commands::perform(json::object request) {
    const std::string what = text_of(request, "do");
    if (what == "mail") co_return co_await send_mail(std::move(request));
    const std::string address = absolute(text_of(request, "address"));
    const std::string own = supervisor_.address();
    if (address == "/" || address == own) co_return co_await here(std::move(request), nullptr);
    if (!address.starts_with(own + "/")) co_return error(fmt::format("no such child: {}", address), result::no_such);
    const std::string path = address.substr(own.size() + 1);
    const std::size_t slash = path.find('/');
    child* target = supervisor_.find(path.substr(0, slash));
    if (!target) co_return error(fmt::format("no such child: {}", address), result::no_such);
    if (slash == std::string::npos) co_return co_await here(std::move(request), target);
    if (!target->is_supervisor()) co_return error(fmt::format("no such child: {}", address), result::no_such);
    json::value answer = co_await supervisor_.ask_below(target->spec().name, std::move(request));
    if (answer.is_null()) co_return error(fmt::format("{} does not answer", path.substr(0, slash)), result::timed_out);
    co_return answer;
}

awaitable<json::value> commands::here(json::object request, child* target) {
    const std::string what = text_of(request, "do");
    if (what == "status" && !target) co_return co_await status_of_all();
    if (what == "status") {
        json::value node = co_await status_of(*target);
        co_return ok(std::move(node));
    }
    if (what != "start" && what != "stop" && what != "restart") {
        co_return error(fmt::format("\"{}\" is not one of status, start, stop, restart, mail", what), result::bad_request);
    }
    if (!target) co_return error(fmt::format("cannot {} a supervisor from inside; name a child", what), result::bad_request);
    const std::string address = target->address();
    std::string problem;
    if (what == "stop") problem = co_await supervisor_.stop_child(target->spec().name);
    if (what == "start") problem = co_await supervisor_.start_child(target->spec().name);
    if (what == "restart") problem = co_await supervisor_.restart_child(target->spec().name);
    if (!problem.empty()) co_return error(std::move(problem), result::failed);
    co_return ok(json::string(address + (what == "stop" ? " is stopped" : " is up")));
}

// --- status -------------------------------------------------------------------------------------------------------

json::object commands::describe(const child& c) const {
    const auto state = supervisor_.status_of(c);
    const bool up = c.pid() > 0;
    json::object node;
    node["name"] = c.spec().name;
    node["address"] = c.address();
    node["pid"] = up ? json::value(c.pid()) : json::value(nullptr);
    node["state"] = name_of(state);
    node["restarts"] = supervisor_.restarts_of(c);
    node["uptime_ms"] = up ? in_ms(supervisor_.time().now() - c.started_at()) : 0;
    node["mailbox"] = json::object{{"queued", c.mail().box.queued()}, {"in_flight", c.mail().box.in_flight()}};
    node["last_exit"] = c.last_exit() ? json::parse(c.last_exit()->json()) : json::value(nullptr);
    node["children"] = json::array();
    return node;
}

awaitable<json::value> commands::status_of(child& c) {
    json::object node = describe(c);
    if (c.is_supervisor()) {
        json::object request{{"do", "status"}, {"address", c.address()}};
        const json::value answer = co_await supervisor_.ask_below(c.spec().name, std::move(request));
        if (answer.is_object() && answer.get_object().contains("ok")) node["children"] = answer.at("ok").at("children");
    }
    co_return node;
}

awaitable<json::value> commands::status_of_all() {
    json::array children;
    std::vector<std::string> names;
    for (const child* c : supervisor_.children()) names.push_back(c->spec().name);
    for (const std::string& name : names) {
        child* c = supervisor_.find(name);
        if (!c) continue;  // it left the tree while another one answered
        json::value node = co_await status_of(*c);
        children.push_back(std::move(node));
    }
    json::object root;
    root["name"] = supervisor_.name();
    root["address"] = supervisor_.address().empty() ? "/" : supervisor_.address();
    root["pid"] = ::getpid();
    root["state"] = supervisor_.is_booted() ? "running" : "starting";
    root["restarts"] = 0;
    root["uptime_ms"] = in_ms(supervisor_.uptime());
    root["mailbox"] = json::object{{"queued", 0}, {"in_flight", 0}};
    root["last_exit"] = nullptr;
    root["children"] = std::move(children);
    co_return ok(std::move(root));
}

// --- mail ---------------------------------------------------------------------------------------------------------

awaitable<json::value> commands::send_mail(json::object request) {
    const std::string to = text_of(request, "to");
    const bool wait = request.contains("wait") && request.at("wait").is_bool() && request.at("wait").get_bool();
    if (to.empty()) co_return error("mail needs an address", result::bad_request);
    const std::string id = fmt::format("{}-{}", wait ? "wait" : "send", ++last_id_);
    const std::string body = request.contains("msg") ? json::serialize(request.at("msg")) : "null";
    pending_mail pending(supervisor_.time());
    pending_[id] = &pending;
    supervisor_.mail().post(to == "supe" ? to : absolute(to), body, {mail_origin::control, 0, id, wait});
    supervisor_.mail().flush();
    while (!pending.done) co_await pending.settled.wait();
    pending_.erase(id);
    if (pending.reason == "unknown-address") co_return error(fmt::format("no such child: {}", to), result::no_such);
    if (!pending.reason.empty()) co_return error(fmt::format("mail to {}: {}", to, pending.reason), result::failed);
    co_return ok(wait ? "acknowledged" : "accepted");
}

}  // namespace supe::control
