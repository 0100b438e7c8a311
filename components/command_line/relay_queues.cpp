#include "components/command_line/relay_queues.hpp"

#include <fmt/format.h>
#include <boost/json/array.hpp>

namespace components {
namespace {

namespace json = boost::json;

}  // namespace

ask_result relay_queues::find() {
    if (looked_) return {};
    json::value found;
    ask_result outcome;
    outcome.code = where_.ask({{"do", "find"}, {"component", "queue"}}, &found, &outcome.problem);
    if (outcome.code != exit_code::done) return outcome;
    looked_ = true;
    for (const json::value& one : found.as_array())
        queues_.push_back(
            {std::string(one.at("address").as_string()), std::string(one.at("state").as_string())});
    return outcome;
}

ask_result relay_queues::ask(const queue& of, const char* about, const json::object& request,
                             json::value& answer) const {
    if (of.state != "running")
        return {exit_code::failed,
                fmt::format("{} is {}: its {} are not known", of.address, of.state,
                            std::string_view(about) == "dead" ? "dead webhooks" : "webhooks")};
    ask_result outcome;
    const json::object msg{{about, request}};
    outcome.code = where_.ask({{"do", "call"}, {"address", of.address}, {"msg", msg}}, &answer,
                              &outcome.problem);
    outcome.lost_answer = outcome.code != exit_code::done;
    const auto* error = outcome.code == exit_code::done && answer.is_object()
                            ? answer.get_object().if_contains("error")
                            : nullptr;
    if (error)
        return {exit_code::failed,
                fmt::format("{}: {}", of.address, std::string(error->as_string()))};
    return outcome;
}

}  // namespace components
