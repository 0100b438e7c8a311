// `supe mail --from-file`: saved mail goes into a mailbox again.
#include "supe/control/commands.hpp"
#include "supe/mail/saved_mail.hpp"
#include "supe/supervision/json_turns.hpp"
#include "supe/text/json_text.hpp"
#include "supe/text/json_value.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <set>

namespace supe::control {
namespace {

namespace json = boost::json;

constexpr std::size_t most_restored = 4096;    // mails in one request
constexpr std::size_t longest_line_name = 64;  // bytes

/// Reads the elements of `mails`, with turns for others. Returns why they are no saved mail, or
/// empty.
awaitable<std::string> read_all(clock& time, std::string list, std::vector<saved_mail>& all) {
    const auto lines = elements_of(list, most_restored);
    if (!lines) co_return fmt::format("restore needs mails, a list of at most {}", most_restored);
    co_await turn_after_json(time, list.size());
    for (const std::string_view element : *lines) {
        const bool is_quoted = element.starts_with('"');
        const std::string line = is_quoted ? json_string_value(element) : std::string(element);
        std::string problem = read_saved_mail(line, all.emplace_back());
        if (!problem.empty()) co_return problem;
        co_await turn_after_json(time, element.size());
    }
    co_return std::string();
}

/// A name for each of the mails; empty where the request has none that could be kept.
std::vector<std::string> lines_in(const json::object& request, std::size_t mails) {
    std::vector<std::string> names(mails);
    const json::value* const given = request.if_contains("lines");
    if (!given || !given->is_array()) return names;
    const json::array& list = given->get_array();
    for (std::size_t n = 0; n < std::min(mails, list.size()); ++n)
        if (list[n].is_string() && list[n].get_string().size() <= longest_line_name)
            names[n] = list[n].get_string();
    return names;
}

}  // namespace

/// Puts saved mail into a mailbox again, in its order, up to the first mail that is refused. All of
/// it is read before: where a mail is none, nothing is put. A client that was killed before it
/// noted what was taken sends the same lines again: those are taken, and not put twice.
awaitable<json::value> commands::restore(std::string name, json::object request) {
    std::vector<saved_mail> all;
    std::string list = string_of(request, "mails");
    std::string problem = co_await read_all(supervisor_.time(), std::move(list), all);
    const std::vector<std::string> lines = lines_in(request, all.size());
    const bool of_another = flag_of(request, "of_another", false);
    request.clear();
    if (!problem.empty()) co_return error(std::move(problem), result::bad_request);
    const auto members = supervisor_.members(name);
    // It may have been removed meanwhile.
    if (members.empty()) co_return no_such_child(fmt::format("{}/{}", supervisor_.address(), name));
    if (members.front()->is_supervisor())
        co_return error(fmt::format("{}/{} is a supervisor: name a child below it",
                                    supervisor_.address(), name),
                        result::bad_request);
    std::set<std::string> under_way;
    for (const auto& [id, line] : restoring_) under_way.insert(line);
    std::vector<std::unique_ptr<acceptance>> outcomes;  // null: taken before
    for (std::size_t n = 0; n < all.size(); ++n) {
        if (under_way.contains(lines[n])) {
            problem = "an earlier request for it is under way";
            break;
        }
        if (restored_.contains(lines[n])) {
            outcomes.push_back(nullptr);
            continue;
        }
        saved_mail& saved = all[n];
        // The child that it was for may have the mail itself: an id is unique in the tree.
        if (of_another) saved.id += "@" + name.substr(0, name.find('.'));
        outcomes.push_back(put_again(name, saved.view(), restoring_, lines[n]));
        const auto& refused = outcomes.back()->answer();
        if (refused && !refused->empty()) break;
    }
    all.clear();  // the mailbox has it
    supervisor_.mail().flush();
    std::int64_t taken = 0;
    for (const auto& outcome : outcomes) {
        std::string refused;
        if (outcome) refused = co_await accepted(*outcome);
        if (!refused.empty()) {
            problem = std::move(refused);
            break;
        }
        ++taken;
    }
    co_return json::object{{"ok", json::object{{"taken", taken}, {"problem", problem}}}};
}

}  // namespace supe::control
