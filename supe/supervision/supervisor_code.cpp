#include "supe/supervision/supervisor_code.hpp"

namespace supe {

notice_watch::notice_watch(supervisor& s, std::vector<std::string> names)
    : supervisor_(s), unread_(s.time(), unread_limit),
      id_(s.notices().listen(std::move(names), [this](const published& notice) {
          if (unread_.size() >= unread_limit) unread_.try_pop();
          unread_.try_push(notice);
      })) {}

notice_watch::~notice_watch() { supervisor_.notices().stop_listening(id_); }

awaitable<published> notice_watch::next() {
    std::optional<published> notice = co_await unread_.pop();
    co_return std::move(*notice);  // the queue is never closed
}

}  // namespace supe
