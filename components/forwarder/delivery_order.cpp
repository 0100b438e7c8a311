#include "components/forwarder/delivery_order.hpp"

#include "supe/text/json_text.hpp"

#include <charconv>
#include <stdexcept>

namespace components {

delivery_order read_delivery_order(std::string_view mail) {
    std::string_view attempt, item;
    supe::json_members members(mail);
    while (members.next()) {
        if (members.key() == "attempt") attempt = members.value();
        if (members.key() == "webhook") item = members.value();
    }
    if (!members.well_formed()) throw std::runtime_error("not an object");
    delivery_order d;
    const auto number = std::from_chars(attempt.data(), attempt.data() + attempt.size(), d.attempt);
    if (number.ec != std::errc() || number.ptr != attempt.data() + attempt.size() || d.attempt < 1)
        throw std::runtime_error("attempt is not a number from 1");
    if (item.empty()) throw std::runtime_error("webhook is missing");
    d.item = webhook_from_json(item);
    return d;
}

}  // namespace components
