// `supe mail --from-file`: saved mail goes into a mailbox again.
#include "supe/control/commands.hpp"
#include "supe/text/json_text.hpp"
#include "supe/text/json_value.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <charconv>

namespace supe::control {
namespace {

namespace json = boost::json;

constexpr std::size_t most_restored = 4096;  // mails in one request

/// An element of `mails`; what is missing in it is empty.
struct saved_mail {
    explicit saved_mail(std::string_view object) {
        std::string_view tried;
        for (json_members members(object); members.next();) {
            const std::string_view key = members.key();
            if (key == "id") id = json_string_or_empty(members.value());
            if (key == "from") from = json_string_or_empty(members.value());
            if (key == "msg") msg = json_string_or_empty(members.value());
            if (key == "extras") extras = json_string_or_empty(members.value());
            if (key == "attempt") tried = members.value();
        }
        std::from_chars(tried.data(), tried.data() + tried.size(), attempt);
        attempt = std::min(attempt, 1000u);
    }
    std::string id, from, msg, extras;
    unsigned attempt = 0;
};

}  // namespace

/// Puts saved mail into a mailbox again, in its order, up to the first mail that is refused.
awaitable<json::value> commands::restore(std::string name, json::object request) {
    const std::string mails = string_of(request, "mails");
    const auto all = elements_of(mails, most_restored);
    if (!all)
        co_return error(fmt::format("restore needs mails, a list of at most {}", most_restored),
                        result::bad_request);
    if (supervisor_.members(name).front()->is_supervisor())
        co_return error(fmt::format("{}/{} is a supervisor: name a child below it",
                                    supervisor_.address(), name),
                        result::bad_request);
    std::vector<std::unique_ptr<acceptance>> outcomes;
    for (const std::string_view one : *all) {
        const saved_mail saved(one);
        if (!is_json(saved.msg) || !is_json("{\"msg\":0" + saved.extras + "}"))
            co_return error("a saved mail has no msg that is JSON", result::bad_request);
        envelope mail;
        mail.id = saved.id;
        mail.from = saved.from;
        mail.msg = saved.msg;
        mail.extras = saved.extras;
        mail.answer = !member_of("{\"msg\":0" + saved.extras + "}", "re").empty();
        mail.attempt = saved.attempt;
        outcomes.push_back(put_again(name, mail));
        const auto& refused = outcomes.back()->answer();
        if (refused && !refused->empty()) break;
    }
    supervisor_.mail().flush();
    std::int64_t taken = 0;
    std::string problem;
    for (const auto& outcome : outcomes) {
        problem = co_await accepted(*outcome);
        if (!problem.empty()) break;
        ++taken;
    }
    co_return json::object{{"ok", json::object{{"taken", taken}, {"problem", problem}}}};
}

}  // namespace supe::control
