#include "supe/channel/outbox.hpp"

#include <algorithm>
#include <iterator>

namespace supe {

void outbox::add(channel& to) {
    // A turn nearly always writes to one or two channels. One that is listed twice is flushed a
    // second time, without effect.
    const auto recent = waiting_.end() - std::min<std::ptrdiff_t>(4, std::ssize(waiting_));
    if (std::find(recent, waiting_.end(), &to) == waiting_.end()) waiting_.push_back(&to);
}

void outbox::forget(const channel& gone) {
    std::erase_if(waiting_, [&](const channel* c) { return c == &gone; });
}

void outbox::flush() {
    for (channel* const to : waiting_) to->flush();
    waiting_.clear();
}

}  // namespace supe
