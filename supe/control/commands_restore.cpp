// `supe mail --from-file`: saved mail goes into a mailbox again.
#include "supe/control/commands.hpp"
#include "supe/mail/saved_mail.hpp"
#include "supe/text/json_text.hpp"
#include "supe/text/json_value.hpp"

#include <fmt/format.h>

namespace supe::control {
namespace {

namespace json = boost::json;

constexpr std::size_t most_restored = 4096;  // mails in one request

/// Reads the elements of `mails`. Returns why they are no saved mail, or empty.
std::string read_all(std::string_view list, std::vector<saved_mail>& all) {
    const auto lines = elements_of(list, most_restored);
    if (!lines) return fmt::format("restore needs mails, a list of at most {}", most_restored);
    for (const std::string_view element : *lines) {
        const bool is_quoted = element.starts_with('"');
        const std::string line = is_quoted ? json_string_value(element) : std::string(element);
        std::string problem = read_saved_mail(line, all.emplace_back());
        if (!problem.empty()) return problem;
    }
    return {};
}

}  // namespace

/// Puts saved mail into a mailbox again, in its order, up to the first mail that is refused. All of
/// it is read before: where a mail is none, nothing is put.
awaitable<json::value> commands::restore(std::string name, json::object request) {
    std::vector<saved_mail> all;
    std::string problem = read_all(string_of(request, "mails"), all);
    const bool of_another = flag_of(request, "of_another", false);
    request.clear();
    if (!problem.empty()) co_return error(std::move(problem), result::bad_request);
    if (supervisor_.members(name).front()->is_supervisor())
        co_return error(fmt::format("{}/{} is a supervisor: name a child below it",
                                    supervisor_.address(), name),
                        result::bad_request);
    std::vector<std::unique_ptr<acceptance>> outcomes;
    for (saved_mail& saved : all) {
        // The child that it was for may have the mail itself: an id is unique in the tree.
        if (of_another) saved.id += "@" + name.substr(0, name.find('.'));
        outcomes.push_back(put_again(name, saved.view()));
        const auto& refused = outcomes.back()->answer();
        if (refused && !refused->empty()) break;
    }
    all.clear();  // the mailbox has it
    supervisor_.mail().flush();
    std::int64_t taken = 0;
    for (const auto& outcome : outcomes) {
        problem = co_await accepted(*outcome);
        if (!problem.empty()) break;
        ++taken;
    }
    co_return json::object{{"ok", json::object{{"taken", taken}, {"problem", problem}}}};
}

}  // namespace supe::control
