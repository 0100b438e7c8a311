#include "components/queue/file_watch.hpp"

#include "patterns/output.hpp"
#include "supe/async/clock.hpp"

#include <boost/asio/post.hpp>

namespace components {
namespace {

using namespace std::chrono_literals;

constexpr auto look_every = 10s;
constexpr auto look_at_lost_file_every = 1s;

}  // namespace

void file_watch::tell(const std::string& lost) const {
    const route_counts n = store_.counts();
    if (lost.empty()) return patterns::warn("the store's file is in its place again");
    patterns::warn(
        "{}: what it keeps has no place on disk any more. {} webhooks are queued and {} dead, and "
        "new ones are refused. One that was deleted is saved again. One that was moved: move it "
        "back, and the queue goes on at once; or let it deliver the rest, and `supe dead retry` or "
        "`drop` the dead ones: then it begins anew with a new file. A restart before that, also by "
        "a reload, loses them",
        lost, n.queued(), n.dead);
}

void file_watch::end_where_nothing_is_lost(const std::string& lost) {
    if (!logic_.may_begin_anew()) return;
    store_.leave_file();
    throw store_error(lost + ": all that it kept is delivered or saved, and it begins anew");
}

/// Step by step, since there may be gigabytes. True: it is saved, and what is committed from now on
/// is not.
supe::awaitable<bool> file_watch::save_deleted() {
    const std::unique_ptr<supe::sqlite_copy> copy = store_.copy_of_deleted();
    if (!copy) co_return false;
    while (copy->step()) co_await boost::asio::post(time_.executor(), supe::use_awaitable);
    copy->put_in_place();
    co_return true;
}

supe::awaitable<> file_watch::run() {
    bool was_lost = false;
    for (std::string told;;) {
        const std::string lost = logic_.look_for_file();
        if (lost.empty() == was_lost) tell(lost);
        was_lost = !lost.empty();
        end_where_nothing_is_lost(lost);
        bool is_saved = false;
        std::string why;
        try {
            is_saved = was_lost && co_await save_deleted();
        } catch (const store_error& e) {
            if (e.damaged()) throw;
            why = e.what();
        }
        if (is_saved) throw store_error(lost + ": it is saved again, and the queue begins anew");
        if (!why.empty() && why != told) patterns::warn("it cannot be saved again: {}", why);
        told = why;
        look_.expires_at(time_.now() + (was_lost ? look_at_lost_file_every : look_every));
        co_await look_.wait();
    }
}

}  // namespace components
