#include "supe/supervision/operation_queue.hpp"

#include <fmt/format.h>
#include <algorithm>

namespace supe {
namespace {

const char* word_for(operation::kind what) {
    switch (what) {
        case operation::kind::start: return "start";
        case operation::kind::stop: return "stop";
        case operation::kind::restart: return "restart";
        case operation::kind::add: return "add";
        case operation::kind::remove: return "remove";
        case operation::kind::scale: return "scale";
        case operation::kind::reload: return "reload";
    }
    return "unknown";
}

}  // namespace

std::string operation::text() const {
    if (what == kind::reload) return word_for(what);
    if (what == kind::scale) return fmt::format("{} {} {}", word_for(what), name, instances);
    return fmt::format("{} {}", word_for(what), name);
}

std::optional<operation_queue::ticket> operation_queue::enter(operation what) {
    if (entries_.size() >= (what.what == operation::kind::stop ? stop_limit : limit))
        return std::nullopt;
    entries_.push_back({++last_, std::move(what)});
    return last_;
}

void operation_queue::leave(ticket number) {
    std::erase_if(entries_, [&](const entry& e) { return e.number == number; });
}

bool operation_queue::entry::is_about(operation::kind kind, std::string_view name,
                                      std::string_view group) const {
    return what.what == kind && (what.name == name || (!group.empty() && what.name == group));
}

std::size_t operation_queue::count(operation::kind kind, std::string_view name,
                                   std::string_view group) const {
    if (entries_.empty()) return 0;
    return static_cast<std::size_t>(
        std::count_if(std::next(entries_.begin()), entries_.end(),
                      [&](const entry& e) { return e.is_about(kind, name, group); }));
}

std::size_t operation_queue::stops_of(std::string_view name, std::string_view group) const {
    return count(operation::kind::stop, name, group);
}

bool operation_queue::is_unwanted(std::string_view name, std::string_view group) const {
    return count(operation::kind::stop, name, group) + count(operation::kind::remove, name, group) >
           0;
}

}  // namespace supe
