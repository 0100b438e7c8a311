// What the queue asks of the forwarder with one mail.
#pragma once

#include "components/webhook/webhook.hpp"

#include <string_view>

namespace components {

/// One try.
struct delivery_order {
    webhook item;
    unsigned attempt = 1;
};

/// `mail`: `{"attempt":N,"webhook":{…}}`. Throws std::exception, which says what is wrong with it.
delivery_order read_delivery_order(std::string_view mail);

}  // namespace components
