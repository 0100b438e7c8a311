// What a component asks its own supervisor: SUPERVISOR-REQUEST and its answer (contract §2).
#include "supe/component/component_state.hpp"
#include "supe/text/json_text.hpp"
#include "supe/text/json_value.hpp"

#include <fmt/format.h>
#include <stdexcept>

namespace supe {
namespace {

template <class Number>
Number number_in(const boost::json::object& status, const char* key) {
    const auto* n = status.if_contains(key);
    return n && n->is_int64() && n->get_int64() > 0 ? static_cast<Number>(n->get_int64()) : 0;
}

awaitable<> done(awaitable<std::string> asked) { co_await std::move(asked); }

awaitable<sibling_status> status_in(awaitable<std::string> asked) {
    const std::string answer = co_await std::move(asked);
    const auto status = parse_object(answer);
    co_return sibling_status{.instances = number_in<unsigned>(status, "instances"),
                             .running = number_in<unsigned>(status, "running"),
                             .queued = number_in<std::size_t>(status, "queued"),
                             .in_flight = number_in<std::size_t>(status, "in_flight")};
}

}  // namespace

// These are no coroutines themselves: an own_supervisor may be gone when one would resume.

awaitable<> own_supervisor::start(std::string name) {
    return done(self_->impl_->ask_supervisor("start", std::move(name), {}));
}

awaitable<> own_supervisor::stop(std::string name) {
    return done(self_->impl_->ask_supervisor("stop", std::move(name), {}));
}

awaitable<> own_supervisor::restart(std::string name) {
    return done(self_->impl_->ask_supervisor("restart", std::move(name), {}));
}

awaitable<> own_supervisor::scale(std::string name, unsigned n) {
    return done(self_->impl_->ask_supervisor("scale", std::move(name), n));
}

awaitable<sibling_status> own_supervisor::status(std::string name) {
    return status_in(self_->impl_->ask_supervisor("status", std::move(name), {}));
}

/// The text of `status` in the answer, where it has one.
awaitable<std::string> component::impl::ask_supervisor(std::string what, std::string whom,
                                                       std::optional<unsigned> instances) {
    if (closed) throw system_error(mail_error::channel_closed);
    const std::string id = std::to_string(++last_id);
    waiter_table<std::string, supervisor_answer>::waiter waiter(awaiting_supervisor, id);
    const std::string more =
        instances ? fmt::format(R"(,"instances":{})", *instances) : std::string();
    signal("SUPERVISOR-REQUEST", fmt::format(R"({{"id":"{}","do":"{}","name":{}{}}})", id, what,
                                             json_quoted(whom), more));
    while (waiter.is_waiting()) co_await waiter.changed();
    const auto answer = waiter.take();
    if (answer->error) throw system_error(answer->error);
    if (!answer->refusal.empty())
        throw std::runtime_error(fmt::format("{} {}: {}", what, whom, answer->refusal));
    co_return answer->status;
}

void component::impl::on_supervisor_answer(std::string_view data) {
    const auto object = parse_object(data);
    supervisor_answer answer{.status = std::string(member_of(data, "status"))};
    if (!flag_of(object, "success", false)) {
        answer.refusal = string_of(object, "error");
        if (answer.refusal.empty()) answer.refusal = "no reason given";
    }
    awaiting_supervisor.answer(string_of(object, "id"), std::move(answer));
}

}  // namespace supe
