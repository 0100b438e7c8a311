// What components ask of their supervisor about its children (contract §2 SUPERVISOR-REQUEST): how
// a sibling is, and orders that the tree file allows (§5 `may`). So an overseer is a child like any
// other, as in OTP.
#pragma once

#include "supe/supervision/administration.hpp"
#include "supe/supervision/frame_dispatch.hpp"

#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace supe {

struct sibling_order {
    order_kind what{};
    std::string name;  ///< of a child, of one instance, or of all instances
    unsigned instances = 0;
};

/// Why this child may not give the order; empty when it may. Pure.
std::string refusal_of(const child_spec& asker, const std::string& public_name,
                       const sibling_order& order);

/// Has them performed as the operations of an operator, each in its turn: they go on when the one
/// who asked is gone.
class sibling_orders final : public order_taker {
public:
    /// Half of what administration lets wait: operators are never kept out.
    static constexpr unsigned limit = operation_queue::limit / 2;
    /// Of one child, so that it keeps no sibling out.
    static constexpr unsigned limit_of_one = limit / 2;

    /// `tasks`: the nursery of the supervisor, which owns the orders.
    sibling_orders(administration& admin, child_registry& children, nursery& tasks)
        : admin_(admin), children_(children), tasks_(tasks) {}

    std::string on_order(child& asker, std::string_view data) override;

private:
    struct place;
    /// Who asked, in which life, and the id that it gave the question.
    struct question {
        int asker;
        std::uint32_t life;
        std::string id;
    };
    std::string refusal_of(const child_entry& asker, const sibling_order& order) const;
    awaitable<> perform(question asked, sibling_order order, std::unique_ptr<place> mine);
    awaitable<std::string> operate(sibling_order order);
    void tell_status(const question& asked, const std::string& name);
    void answer(const question& asked, const std::string& problem, const std::string& more = {});

    administration& admin_;
    child_registry& children_;
    nursery& tasks_;
    std::map<int, unsigned> under_way_;  // by the number of the child that asked
};

}  // namespace supe
