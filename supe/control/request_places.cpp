#include "supe/control/request_places.hpp"

#include "supe/text/json_value.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <string_view>

namespace supe::control {
namespace {

constexpr std::string_view questions[] = {"status", "find"};
constexpr std::string_view orders[] = {"start",  "stop",  "restart", "add",
                                       "remove", "scale", "reload"};

}  // namespace

request_kind kind_of(const boost::json::object& request) {
    const std::string what = string_of(request, "do");
    if (std::ranges::find(questions, what) != std::end(questions)) return request_kind::question;
    if (std::ranges::find(orders, what) != std::end(orders)) return request_kind::order;
    return request_kind::waiting;
}

std::string request_places::refusal(request_kind k) const {
    const char* const what = k == request_kind::question ? "ask for the status"
                             : k == request_kind::order  ? "wait for an operation"
                                                         : "wait for mail or notices";
    return fmt::format("too many clients: {} of them {} already; try again when some are done",
                       taken_[index(k)], what);
}

}  // namespace supe::control
