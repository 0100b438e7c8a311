// What becomes of the mail of a child that leaves the tree (contract §3).
#include "supe/async/blocking_work.hpp"
#include "supe/async/nursery.hpp"
#include "supe/supervision/saved_mailbox.hpp"
#include "supe/supervision/supervisor.hpp"
#include "supe/text/units.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace supe {
namespace {

using namespace std::chrono_literals;

constexpr milliseconds save_again_after = 5s;  // the disk may have room then

/// What became of what was in the journals of a nested supervisor that was removed; empty where
/// they had nothing.
std::string told_of(const saved_journals& saved) {
    std::vector<std::string> parts;
    if (!saved.problem.empty()) {
        parts.push_back(
            fmt::format("the mail in its journal could not be saved, and is delivered when the "
                        "name returns: {}",
                        saved.problem));
    } else if (saved.mails > 0) {
        parts.push_back(fmt::format("the {} mails in its journal are in {} (supe mail --from-file)",
                                    saved.mails, fmt::join(saved.files, ", ")));
    }
    if (saved.kept > 0)
        parts.push_back(
            fmt::format("mails that their senders keep, and that are in no file: {}", saved.kept));
    if (saved.letters > 0)
        parts.push_back(fmt::format("dead letters that return with the name: {}", saved.letters));
    return fmt::format("{}", fmt::join(parts, "; "));
}

}  // namespace

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
    const bool is_supervisor = mail.is_supervisor();
    std::shared_ptr<mailbox> left = mail_.take_out(entry.mail);
    const bool is_whole = left == mail.shared;  // the last instance: mail for any is in it
    const std::string name = is_whole ? mail.box_name : mail.name;
    const bool fits = is_supervisor || env_.state.empty() || have_room_for(*left);
    if (fits || !can_wait_for_a_file(*left)) {
        if (!fits)
            report_saved(name, fmt::format("its {} mails are dead letters, of which the oldest are "
                                           "dropped: {} of mail wait for a file already",
                                           left->queued(), print_bytes(most_unsaved)));
        mail_.delivery.bury(mail.box_name, std::move(left), mail.kind,
                            mail_delivery::remains::become_letters);
    } else {
        ++saves_;
        to_save_.push_back({name, mail.box_name, std::move(left)});
        if (to_save_.size() == 1) tasks_.start(save_removed());
    }
    if (is_supervisor && !env_.journals && !env_.state.empty()) {
        ++saves_;
        saving_journals_of_.insert(name);
        tasks_.start(save_journals_of(name));
    }
    copies_.erase(entry.public_name());  // it may be the only one of the mail that is removed now
    children_.remove(entry.who.number());
}

/// The dead letters have room for it beside those that are still on their way there.
bool supervisor::have_room_for(const mailbox& left) const {
    const mail_delivery::amount coming = mail_.delivery.coming_letters();
    return left.empty() ||
           dead_.have_room_for(coming.mails + left.queued(), coming.bytes + left.bytes());
}

/// Where no file can be written the mail stays in memory, up to a limit.
bool supervisor::can_wait_for_a_file(const mailbox& left) const {
    if (to_save_.empty() || !to_save_.front().has_failed) return true;
    std::size_t unsaved = left.bytes();
    for (const removed_mailbox& each : to_save_) unsaved += each.box->bytes();
    return unsaved <= most_unsaved;
}

awaitable<std::string> supervisor::saved_of(std::string name) {
    while (saves_ > 0) co_await changed_.wait();
    std::string text;
    std::erase_if(saved_, [&](const auto& saved) {
        const bool is_instance = saved.first.starts_with(name + ".");
        if (is_instance) text += fmt::format("; {}: {}", saved.first, saved.second);
        if (saved.first == name) text += "; " + saved.second;
        return is_instance || saved.first == name;
    });
    co_return text;
}

/// For the log, and for saved_of().
void supervisor::report_saved(const std::string& name, const std::string& text) {
    log(fmt::format("{} is removed; {}", name, text));
    std::erase_if(saved_, [&](const auto& saved) { return saved.first == name; });
    if (saved_.size() == most_saved_told) saved_.pop_front();
    saved_.emplace_back(name, text);
}

/// saved_of(), and the end of the supervisor, wait for it.
void supervisor::end_save() {
    --saves_;
    changed_.notify();
}

/// The mail of removed children that is more than the dead letters have room for: the oldest of
/// them, and older letters of others, would vanish. One mailbox at a time: thousands may be removed
/// at once, and each save takes a descriptor and a thread.
awaitable<> supervisor::save_removed() {
    while (!to_save_.empty()) {
        const removed_mailbox first = to_save_.front();
        awaitable<mailbox_copy> saving =
            save_mailbox(first.box, children_.address_of(first.name), env_.state, beside(), {});
        const mailbox_copy made = co_await std::move(saving);
        if (!made.failed) {
            bury_saved(made);
        } else {
            for (removed_mailbox& each : to_save_) report_not_saved(each);
            co_await env_.time.sleep_for(save_again_after);
        }
    }
}

/// The first of those that are to be saved.
void supervisor::bury_saved(const mailbox_copy& made) {
    removed_mailbox removed = std::move(to_save_.front());
    to_save_.pop_front();
    mail_.delivery.bury(removed.box_name, std::move(removed.box), endpoint_kind::component,
                        mail_delivery::remains::are_saved);
    report_saved(removed.name, made.file.empty()
                                   ? std::string("its senders keep its mail")
                                   : fmt::format("its {} mails are in {} (supe mail --from-file)",
                                                 made.mails, made.file));
    if (!removed.has_failed) end_save();
}

/// They stay in memory, and in the journal where there is one. Whoever asked for the removal is
/// told now.
void supervisor::report_not_saved(removed_mailbox& removed) {
    if (std::exchange(removed.has_failed, true)) return;
    report_saved(removed.name,
                 fmt::format("its {} mails cannot be saved to a file in {} yet: tried again every "
                             "{}",
                             removed.box->queued(), (env_.state / "mailboxes").string(),
                             print_duration(save_again_after)));
    end_save();
}

/// The supervisor ends.
void supervisor::report_left_unsaved() {
    for (const removed_mailbox& left : to_save_)
        log(fmt::format(
            "the {} mails of {}, which is removed, could not be saved to a file: {}",
            left.box->queued(), left.name,
            spec_.journal ? "they stay in the journal" : "they end with this supervisor"));
}

awaitable<> supervisor::until_free(std::string name) {
    while (saving_journals_of_.contains(name)) co_await changed_.wait();
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
    saving_journals_of_.erase(name);
    const std::string told = told_of(saved);
    if (!told.empty()) report_saved(name, told);
    end_save();
}

}  // namespace supe
