#include "supe/mail/mail_directory.hpp"

#include "supe/async/assertion.hpp"

#include <algorithm>
#include <charconv>

namespace supe {

namespace {

mailbox::consumer index_of(const mail_endpoint* endpoint) { return endpoint->consumer; }

}  // namespace

void mail_directory::add(mail_endpoint& endpoint) {
    SUPE_ASSERT(!endpoint.destination);
    ++additions_;
    endpoints_[endpoint.number] = &endpoint;
    endpoint.destination = destination(endpoint.box_name);
    if (!endpoint.destination) {
        auto added = std::make_unique<mail_destination>(endpoint.box_name);
        endpoint.destination = added.get();
        destinations_.emplace(added->name, std::move(added));
    }
    auto& consumers = endpoint.destination->consumers;
    consumers.insert(std::ranges::upper_bound(consumers, endpoint.consumer, {}, index_of),
                     &endpoint);
    endpoint.box.add_consumers(endpoint.consumer + 1);
}

void mail_directory::remove(mail_endpoint& endpoint) {
    SUPE_ASSERT(endpoint.destination);
    endpoints_.erase(endpoint.number);
    std::erase(endpoint.destination->consumers, &endpoint);
    if (endpoint.destination->consumers.empty()) destinations_.erase(endpoint.box_name);
    endpoint.destination = nullptr;
}

mail_endpoint* mail_directory::find(std::string_view name) const {
    if (const auto found = destinations_.find(name); found != destinations_.end())
        return found->second->consumers.front();
    return find_instance(name);
}

/// `NAME.i`, which is the consumer i - 1 of NAME.
mail_endpoint* mail_directory::find_instance(std::string_view name) const {
    const std::size_t dot = std::min(name.rfind('.'), name.size());
    const mail_destination* const all = destination(name.substr(0, dot));
    if (!all || dot == name.size()) return nullptr;
    mailbox::consumer i = 0;
    std::from_chars(name.data() + dot + 1, name.data() + name.size(), i);
    const auto found = std::ranges::lower_bound(all->consumers, i - 1, {}, index_of);
    const bool is_it = found != all->consumers.end() && (*found)->name == name;
    return is_it ? *found : nullptr;
}

mail_endpoint* mail_directory::by_number(int number) const {
    const auto found = endpoints_.find(number);
    return found == endpoints_.end() ? nullptr : found->second;
}

mail_destination* mail_directory::destination(std::string_view name) const {
    const auto found = destinations_.find(name);
    return found == destinations_.end() ? nullptr : found->second.get();
}

void mail_directory::set_uplink(channel& link) {
    const mailbox_limits limits;
    uplink_ = std::make_unique<mail_endpoint>(0, std::string(), endpoint_kind::supervisor, limits);
    above_ = std::make_unique<mail_destination>();
    above_->consumers.push_back(uplink_.get());
    uplink_->destination = above_.get();
    uplink_->link = &link;
    uplink_->box.connected(0);
    uplink_->box.ready(0, limits.window);
}

}  // namespace supe
