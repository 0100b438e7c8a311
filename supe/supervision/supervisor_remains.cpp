// What becomes of the mail of a child that leaves the tree (contract §3).
#include "supe/async/blocking_work.hpp"
#include "supe/async/nursery.hpp"
#include "supe/supervision/saved_mailbox.hpp"
#include "supe/supervision/supervisor.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace supe {

/// Runs what blocks, as supervisor_environment::beside.
blocking_runner supervisor::beside() {
    if (env_.beside) return env_.beside;
    return [this](std::function<void()> work) {
        return run_blocking(env_.time.executor(), std::move(work));
    };
}

void supervisor::remove(child_entry& entry) {
    admin_.on_removed(entry);
    notices_.publish_about(entry.who.spec().name, "removed");
    const mail_endpoint& mail = entry.mail;
    const std::string name = mail.box_name;
    const bool fits = mail.box.empty() || dead_.have_room_for(mail.box.queued(), mail.box.bytes());
    const bool has_journals = mail.is_supervisor() && !env_.journals;
    removed_last_ = {name, {}};
    if (fits || env_.state.empty() || mail.is_supervisor()) {
        mail_.remove(entry.mail);
    } else if (auto box = mail_.take_out(entry.mail)) {
        ++saves_;
        tasks_.start(save_and_bury(name, std::move(box)));
    }
    if (has_journals && !env_.state.empty()) {
        ++saves_;
        tasks_.start(save_journals_of(name));
    }
    copies_.erase(entry.public_name());  // it may be the only one of the mail that is removed now
    children_.remove(entry.who.number());
}

awaitable<std::string> supervisor::saved_of(std::string name) {
    while (saves_ > 0) co_await changed_.wait();
    co_return removed_last_.first == name ? removed_last_.second : std::string();
}

void supervisor::report_saved(const std::string& name, const std::string& text) {
    log(fmt::format("{} is removed; {}", name, text));
    if (removed_last_.first == name) removed_last_.second = "; " + text;
    end_save();
}

/// saved_of(), and the end of the supervisor, wait for it.
void supervisor::end_save() {
    --saves_;
    changed_.notify();
}

/// The mail of a removed child that is more than the dead letters have room for: the oldest of
/// them, and older letters of others, would vanish.
awaitable<> supervisor::save_and_bury(std::string name, std::shared_ptr<mailbox> box) {
    using remains = mail_delivery::remains;
    const std::size_t mails = box->queued();
    awaitable<std::string> saving =
        save_mailbox(box, children_.address_of(name), env_.state, beside(), {});
    const std::string file = co_await std::move(saving);
    mail_.delivery.bury(name, std::move(box), endpoint_kind::component,
                        file.empty() ? remains::become_letters : remains::are_saved);
    report_saved(name,
                 file.empty()
                     ? fmt::format("its {} mails could not be saved to a file: the latest {} "
                                   "at most become dead letters",
                                   mails, dead_letters::count_limit)
                     : fmt::format("its {} mails are in {} (supe mail --from-file)", mails, file));
}

/// What a nested supervisor had accepted, and those below it: nobody delivers it any more.
awaitable<> supervisor::save_journals_of(std::string name) {
    saved_journals saved;
    const std::string address = children_.address_of(name);
    const std::function<void()> save = [&] { saved = save_journals(env_.state, address); };
    try {
        awaitable<> saving = beside()(save);
        co_await std::move(saving);
    } catch (const std::exception& e) {  // no thread, or no descriptor
        if (is_cancellation(std::current_exception())) throw;
        saved.problem = e.what();
    }
    if (!saved.problem.empty()) {
        report_saved(name,
                     fmt::format("the mail in its journal could not be saved, and is delivered "
                                 "when the name returns: {}",
                                 saved.problem));
    } else if (saved.mails > 0) {
        report_saved(name,
                     fmt::format("the {} mails in its journal are in {} (supe mail --from-file)",
                                 saved.mails, fmt::join(saved.files, ", ")));
    } else {
        end_save();
    }
}

}  // namespace supe
