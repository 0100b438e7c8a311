#include "components/command_line/status_text.hpp"

#include "supe/text/json_value.hpp"
#include "supe/text/terminal_text.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <array>
#include <boost/json/serialize.hpp>
#include <utility>

namespace components {
namespace {

namespace json = boost::json;

std::string word(const json::value& node, const char* key) {
    return supe::terminal_line(supe::string_of(node.as_object(), key));
}

std::string number(const json::value& v) { return v.is_null() ? "-" : json::serialize(v); }

std::string time_text(std::int64_t ms) {
    const std::int64_t s = ms / 1000;
    if (s < 60) return fmt::format("{}s", s);
    if (s < 3600) return fmt::format("{}m{:02}s", s / 60, s % 60);
    if (s < 86400) return fmt::format("{}h{:02}m", s / 3600, s / 60 % 60);
    return fmt::format("{}d{:02}h", s / 86400, s / 3600 % 24);
}

std::string uptime(const json::value& node) {
    return node.at("pid").is_null() ? "-"
                                    : time_text(node.at("uptime_ms").to_number<std::int64_t>());
}

bool is_true(const json::value& node, const char* key) {
    const auto* member = node.get_object().if_contains(key);
    return member && member->is_bool() && member->get_bool();
}

bool is_silent(const json::value& node) { return node.get_object().contains("silent"); }

std::string state_of(const json::value& node) {
    return word(node, "state") + (is_silent(node) ? ", silent" : "");
}

std::string coloured(const std::string& shown, const json::value& node) {
    const std::string state = word(node, "state");
    const bool well = (state == "running" || state == "idle") && !is_silent(node);
    const bool bad = state == "given_up" || state == "stopped" || is_silent(node);
    return fmt::format("\x1b[{}m{}\x1b[0m", well ? 32 : bad ? 31 : 33, shown);
}

std::string exit_text(const json::value& exit) {
    if (exit.is_null()) return "-";
    const auto& o = exit.get_object();
    const std::string how = o.contains("code") ? fmt::format("code {}", o.at("code").as_int64())
                                               : supe::terminal_line(o.at("signal").as_string());
    return is_true(exit, "asked_for") ? how + " (asked for)" : how;
}

/// How an end is called in the list of all: `stopped` where somebody asked for it.
const char* kind_of_end(const json::value& d) {
    if (is_true(d, "asked_for")) return "stopped";
    return d.at("clean").as_bool() ? "ended" : "crashed";
}

using row = std::array<std::string, 8>;

void collect(const json::value& node, unsigned depth, std::vector<row>& rows,
             std::vector<const json::value*>& nodes) {
    const auto& box = node.at("mailbox");
    rows.push_back({std::string(2 * depth, ' ') + word(node, "name"), state_of(node),
                    number(node.at("pid")), number(node.at("restarts")), uptime(node),
                    number(box.at("queued")), number(box.at("in_flight")),
                    exit_text(node.at("last_exit"))});
    nodes.push_back(&node);
    for (const json::value& child : node.at("children").as_array())
        collect(child, depth + 1, rows, nodes);
}

std::string history(const json::value& node) {
    const auto* deaths = node.get_object().if_contains("deaths");
    if (!deaths || deaths->as_array().empty()) return {};
    std::string out = "\nHow it ended so far, the latest last:\n";
    for (const json::value& d : deaths->as_array()) {
        out += fmt::format("  {}  after {:>6}  {:<7}  {}\n", word(d, "at"),
                           time_text(d.at("after_ms").to_number<std::int64_t>()), kind_of_end(d),
                           word(d, "text"));
    }
    return out;
}

/// What an operator asked of this supervisor and is under way: `restart web, and 2 more wait`.
std::string operation_of(const json::value& node) {
    std::string text = word(node, "operation");
    if (text.empty()) return text;
    const auto waiting = node.at("operations_waiting").to_number<std::int64_t>();
    if (waiting > 0) text += fmt::format(", and {} more wait{}", waiting, waiting == 1 ? "s" : "");
    return text;
}

/// A line for each supervisor with one.
std::string operations(const json::value& node) {
    std::string out;
    if (const std::string text = operation_of(node); !text.empty())
        out += fmt::format("\nUnder way at {}: {}\n", word(node, "address"), text);
    for (const json::value& child : node.at("children").as_array()) out += operations(child);
    return out;
}

/// A line for each child below that says something of itself.
std::string sayings(const json::value& node) {
    std::string out;
    for (const json::value& child : node.at("children").as_array()) {
        if (const std::string says = word(child, "status"); !says.empty())
            out += fmt::format("{} says: {}\n", word(child, "address"), says);
        out += sayings(child);
    }
    return out;
}

std::string details(const json::value& node) {
    std::string out;
    if (!node.at("pid").is_null())
        out += fmt::format("  pid {}, up {}", number(node.at("pid")), uptime(node));
    if (const auto n = node.at("restarts").to_number<std::int64_t>(); n > 0)
        out += fmt::format("{}{} restart{}", out.empty() ? "  " : ", ", n, n == 1 ? "" : "s");
    const auto& box = node.at("mailbox");
    const auto mail =
        box.at("queued").to_number<std::int64_t>() + box.at("in_flight").to_number<std::int64_t>();
    if (mail > 0) out += fmt::format("{}{} mail", out.empty() ? "  " : ", ", mail);
    if (const std::string text = operation_of(node); !text.empty())
        out += fmt::format("{}under way: {}", out.empty() ? "  " : ", ", text);
    return out;
}

void draw(std::string& out, const json::value& node, const std::string& before,
          const std::string& branch, supe::colours shown) {
    out += fmt::format("{}{}{}  {}{}\n", before, branch, word(node, "name"),
                       shown == supe::colours::on ? coloured(state_of(node), node) : state_of(node),
                       details(node));
    const std::string further = before + (branch.empty()            ? ""
                                          : branch.starts_with("└") ? "   "
                                                                    : "│  ");
    const auto& children = node.at("children").as_array();
    for (const json::value& child : children)
        draw(out, child, further, &child == &children.back() ? "└─ " : "├─ ", shown);
}

}  // namespace

std::string status_table(const json::value& node, supe::colours shown) {
    std::vector<row> rows{
        {"NAME", "STATE", "PID", "RESTARTS", "UPTIME", "QUEUED", "IN FLIGHT", "LAST EXIT"}};
    std::vector<const json::value*> nodes{nullptr};
    collect(node, 0, rows, nodes);
    std::array<std::size_t, 8> width{};
    for (const row& r : rows) {
        for (std::size_t i = 0; i < r.size(); ++i) width[i] = std::max(width[i], r[i].size());
    }
    std::string out;
    for (std::size_t n = 0; n < rows.size(); ++n) {
        const row& r = rows[n];
        const std::string state = fmt::format("{:<{}}", r[1], width[1]);
        out += fmt::format(
            "{:<{}}  {}", r[0], width[0],
            shown == supe::colours::on && nodes[n] ? coloured(state, *nodes[n]) : state);
        for (std::size_t i = 2; i < 7; ++i) out += fmt::format("  {:>{}}", r[i], width[i]);
        out += fmt::format("  {}\n", r[7]);
    }
    if (const auto* says = node.get_object().if_contains("status"))
        out += fmt::format("\nIt says: {}\n", supe::terminal_line(says->as_string()));
    if (const std::string said = sayings(node); !said.empty()) out += "\n" + said;
    if (const auto* retry = node.get_object().if_contains("retry_in_ms"))
        out += fmt::format("\nIt begins anew in {}\n", time_text(retry->to_number<std::int64_t>()));
    if (node.get_object().contains("output_stuck"))
        out += "\nIts output is not read: children that print more wait until it is.\n";
    return out + operations(node) + history(node);
}

std::string status_drawing(const json::value& node, supe::colours shown) {
    std::string out;
    draw(out, node, "", "", shown);
    return out;
}

std::vector<std::string> silent_supervisors(const json::value& node) {
    std::vector<std::string> all;
    if (is_silent(node)) all.push_back(word(node, "address"));
    for (const json::value& child : node.at("children").as_array()) {
        for (std::string& address : silent_supervisors(child)) all.push_back(std::move(address));
    }
    return all;
}

namespace {

struct printer {
    std::string out;

    void line(unsigned depth) { out += "\n" + std::string(2 * depth, ' '); }
    void print(const json::value& v, unsigned depth) {
        if (v.is_object() && !v.get_object().empty()) {
            out += "{";
            bool first = true;
            for (const auto& [key, member] : v.get_object()) {
                if (!std::exchange(first, false)) out += ",";
                line(depth + 1);
                out += json::serialize(json::string(key)) + ": ";
                print(member, depth + 1);
            }
            line(depth);
            out += "}";
        } else if (v.is_array() && !v.get_array().empty() && v.get_array()[0].is_object()) {
            out += "[";
            bool first = true;
            for (const auto& element : v.get_array()) {
                if (!std::exchange(first, false)) out += ",";
                line(depth + 1);
                print(element, depth + 1);
            }
            line(depth);
            out += "]";
        } else {
            out += json::serialize(v);
        }
    }
};

}  // namespace

std::string pretty(const json::value& value) {
    printer p;
    p.print(value, 0);
    return supe::terminal_json(p.out);
}

}  // namespace components
