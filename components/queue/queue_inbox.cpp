#include "components/queue/queue_inbox.hpp"

#include <boost/asio/post.hpp>
#include <utility>

namespace components {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t batch_bytes = 8 << 20;
// A commit on a fast disk is over before others are here. What a webhook takes of the processor is
// no wait for a disk.
constexpr supe::duration long_commit = 1500us, work_of_each = 20us;

}  // namespace

queue_inbox::queue_inbox(supe::component& self, const std::filesystem::path& socket)
    : self_(self), arrived_(self.time()), taken_(self.time()) {
    if (!socket.empty()) direct_.emplace(self.time(), socket, arrived_);
}

void queue_inbox::start(supe::nursery& all) {
    all.start(take_mail());
    if (direct_) all.start(direct_->run());
}

/// One batch ahead. Ends when asked to shut down.
supe::awaitable<> queue_inbox::take_mail() {
    const supe::batch_limits limits{.bytes = batch_bytes};
    while (!self_.shutting_down()) {
        mails_ = co_await self_.receive_batch(limits);
        arrived_.notify();
        while (!mails_.empty()) co_await taken_.wait();
    }
}

supe::awaitable<bool> queue_inbox::gather(std::vector<arrival>& batch, supe::time_point until,
                                          supe::duration commit_took) {
    arrived_.expires_at(batch.empty() ? supe::never : until);
    while (waiting() == 0 && !self_.shutting_down() && self_.time().now() < arrived_.expiry())
        co_await arrived_.wait();
    // Whatever arrives while there is more to read goes into the same commit.
    for (std::size_t n = 0; n != waiting();) {
        n = waiting();
        co_await boost::asio::post(self_.time().executor(), supe::use_awaitable);
    }
    if (commit_took >= long_commit + answered_ * work_of_each)
        co_await wait_for_others(commit_took / 4);
    const bool ends = self_.shutting_down();
    for (supe::mail& m : std::exchange(mails_, {})) batch.push_back({std::move(m)});
    taken_.notify();
    if (ends)
        for (supe::mail& m : self_.take_arrived()) batch.push_back({std::move(m)});
    const std::size_t mails = batch.size();
    if (direct_)
        for (direct_intake::webhook& w : direct_->take()) batch.push_back({{}, std::move(w)});
    answered_ = batch.size() - mails;
    co_return !ends;
}

/// On a slow disk. Senders that were answered just now may have their next webhook here in a
/// moment; two halves of them would take turns otherwise, each with a commit of its own.
supe::awaitable<> queue_inbox::wait_for_others(supe::duration at_most) {
    if (!direct_ || direct_->waiting() == 0) co_return;
    const std::size_t expected = direct_->waiting() + answered_;
    arrived_.expires_at(self_.time().now() + at_most);
    while (direct_->waiting() < expected && !self_.shutting_down() &&
           self_.time().now() < arrived_.expiry())
        co_await arrived_.wait();
}

void queue_inbox::acknowledge(arrival& a) {
    if (a.mail)
        a.mail->ack();
    else
        direct_->answer(a.direct);
}

void queue_inbox::refuse(arrival& a, const std::string& why) {
    if (a.mail)
        a.mail->reject(why);
    else
        direct_->answer(a.direct, why);
}

supe::awaitable<> queue_inbox::flushed() {
    if (direct_) co_await direct_->flushed(self_.time().now() + 1s);
}

}  // namespace components
