#include "supe/supervision/sibling_orders.hpp"

#include "supe/supervision/no_such_child.hpp"
#include "supe/text/json_text.hpp"
#include "supe/text/json_value.hpp"
#include "supe/text/names.hpp"
#include "supe/text/utf8.hpp"

#include <fmt/format.h>
#include <algorithm>

namespace supe {

std::string refusal_of(const child_spec& asker, const std::string& public_name,
                       const sibling_order& order) {
    const char* const word = order_word(order.what);
    if (!asker.may.has(order.what))
        return fmt::format(R"({} may not {} siblings: "may" of {} in the tree file has no "{}")",
                           asker.name, word, public_name, word);
    if (order.name == asker.name || order.name == public_name)
        return fmt::format("{} may not {} itself: orders are for siblings", asker.name, word);
    return {};
}

/// Counts an order for as long as it is under way or waits.
struct sibling_orders::place {
    place(sibling_orders& all, int asker) : all_(all), asker_(asker) { ++all_.under_way_[asker_]; }
    ~place() {
        if (--all_.under_way_[asker_] == 0) all_.under_way_.erase(asker_);
    }
    place(const place&) = delete;
    sibling_orders& all_;
    int asker_;
};

namespace {

constexpr std::size_t shown_bytes = 80;  // of what is no name

/// Of a child, or of an instance (`NAME.2`). Any other text is refused at once, and not kept until
/// its turn comes.
bool may_be_name(std::string_view name) {
    const std::size_t dot = std::min(name.rfind('.'), name.size());
    const std::string_view number = name.substr(dot);
    return is_valid_name(name.substr(0, dot)) && number.size() != 1 &&
           number.size() <= std::to_string(child_registry::most_instances).size() + 1 &&
           number.find_first_not_of("0123456789", 1) == number.npos;
}

/// 0 where there is no number of instances that can be.
unsigned instances_in(const boost::json::object& request) {
    const auto* n = request.if_contains("instances");
    const bool fits = n && n->is_int64() && n->get_int64() >= 1 &&
                      n->get_int64() <= child_registry::most_instances;
    return fits ? static_cast<unsigned>(n->get_int64()) : 0;
}

}  // namespace

/// A request without an id is a bad frame: nobody could read its answer.
std::string sibling_orders::on_order(child& asker, std::string_view data) {
    const auto request = parse_object(data);
    const question asked{asker.number(), asker.life(), string_of(request, "id")};
    const std::string word = string_of(request, "do");
    if (asked.id.empty()) return "SUPERVISOR-REQUEST needs a string in `id`";
    if (asked.id.size() > id_limit)
        return fmt::format("SUPERVISOR-REQUEST: `id` has {} bytes, and may have {}",
                           asked.id.size(), id_limit);
    sibling_order order{.name = string_of(request, "name"), .instances = instances_in(request)};
    if (!may_be_name(order.name)) {
        answer(asked, no_such_child(shown_line(order.name, shown_bytes)));
        return {};
    }
    if (word == "status") {
        tell_status(asked, order.name);
        return {};
    }
    const auto what = order_named(word);
    if (what) order.what = *what;
    const std::string refusal = what ? refusal_of(children_.at(asker.number()), order)
                                     : fmt::format(
                                           "{} is not one of status, start, stop, "
                                           "restart, scale",
                                           json_quoted(shown_line(word, shown_bytes)));
    if (refusal.empty()) {
        tasks_.start(perform(asked, std::move(order), std::make_unique<place>(*this, asked.asker)));
    } else {
        answer(asked, refusal);
    }
    return {};
}

std::string sibling_orders::refusal_of(const child_entry& asker, const sibling_order& order) const {
    const std::string refusal = supe::refusal_of(asker.who.spec(), asker.public_name(), order);
    if (!refusal.empty()) return refusal;
    if (order.what == order_kind::scale && order.instances == 0)
        return fmt::format("instances: must be a whole number from 1 to {}",
                           child_registry::most_instances);
    unsigned all = 0;
    for (const auto& [number, orders] : under_way_) all += orders;
    if (all >= limit)
        return fmt::format("{} orders of components wait already: try again when some are done",
                           all);
    const auto own = under_way_.find(asker.who.number());
    if (own != under_way_.end() && own->second >= limit_of_one)
        return fmt::format("{} orders of {} wait already: try again when some are done",
                           own->second, asker.who.spec().name);
    return {};
}

awaitable<> sibling_orders::perform(question asked, sibling_order order, std::unique_ptr<place>) {
    std::string problem;
    try {
        problem = co_await operate(std::move(order));
    } catch (const std::exception& e) {
        if (is_cancellation(std::current_exception())) throw;
        problem = e.what();
    }
    answer(asked, problem);
}

awaitable<std::string> sibling_orders::operate(sibling_order order) {
    switch (order.what) {
        case order_kind::start: return admin_.start(std::move(order.name));
        case order_kind::stop: return admin_.stop(std::move(order.name));
        case order_kind::restart: return admin_.restart(std::move(order.name));
        case order_kind::scale: break;
    }
    return admin_.scale(std::move(order.name), order.instances);
}

void sibling_orders::tell_status(const question& asked, const std::string& name) {
    const auto members = children_.members(name);
    if (members.empty()) return answer(asked, no_such_child(name));
    const auto running =
        std::ranges::count_if(members, [](const child_entry* e) { return e->who.pid() > 0; });
    const mailbox& box = members.front()->mail.box;  // shared by all instances
    answer(asked, {},
           fmt::format(R"(,"status":{{"instances":{},"running":{},"queued":{},"in_flight":{}}})",
                       members.size(), running, box.queued(), box.in_flight()));
}

/// Its next life did not ask.
void sibling_orders::answer(const question& asked, const std::string& problem,
                            const std::string& more) {
    child_entry* const entry = children_.find(asked.asker);
    if (!entry || entry->who.life() != asked.life) return;
    const std::string error =
        problem.empty() ? more : fmt::format(R"(,"error":{})", json_quoted(problem));
    entry->who.signal(signal_kind::supervisor_response,
                      fmt::format(R"({{"id":{},"success":{}{}}})", json_quoted(asked.id),
                                  problem.empty(), error));
}

}  // namespace supe
