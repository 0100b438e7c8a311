// The journal of a supervisor: what an earlier life left, and the results of its commits.
#include "supe/mail/sqlite_journal.hpp"
#include "supe/supervision/supervisor.hpp"

#include <fmt/format.h>
#include <boost/asio/post.hpp>

namespace supe {
namespace {

using namespace std::chrono_literals;

constexpr milliseconds read_again_after = 10s;  // where it could not be read

/// Puts what an earlier life left where it was.
struct restorer final : journal_reader {
    supervisor_mail& mail;
    dead_letters& dead;
    bool is_late;  // the children run already
    restorer(supervisor_mail& m, dead_letters& d, bool late) : mail(m), dead(d), is_late(late) {}
    void on_mail(const journaled_mail& kept) override {
        mail.delivery.restore(kept);
        if (is_late) mail.delivery.wake(kept.box);
    }
    void on_letter(dead_letter letter) override { dead.restore(std::move(letter)); }
    void on_finished(const std::string& id) override {
        if (mail_endpoint* const up = mail.directory.uplink()) up->hop->accepted(id);
    }
};

}  // namespace

void supervisor::open_journal() {
    if (env_.journals) {
        journal_ = env_.journals(address_);
    } else if (!env_.state.empty()) {
        journal_ = std::make_unique<sqlite_journal>(env_.time.executor(),
                                                    journal_path(env_.state, address_));
    }
    if (!journal_) return;
    using new_mail = mail_delivery::new_mail;
    mail_.delivery.keep_in(*journal_,
                           spec_.journal ? new_mail::is_written : new_mail::stays_in_memory);
    dead_.keep_in(journal_.get());
    // In one turn: no child runs yet, and what comes next must find the mail in its place.
    restorer reader(mail_, dead_, false);
    const std::string unreadable = journal_->restore(reader);
    journal_is_read_ = unreadable.empty();
    report_unknown();
    if (journal_is_read_) return;
    mail_.delivery.await_earlier_mail();
    dead_.await_earlier_letters();
    log(fmt::format("the mail of an earlier run cannot be read{}: {}",
                    spec_.journal ? ", and no mail is accepted" : "", unreadable));
}

void supervisor::report_unknown() {
    for (const auto& [whom, mails] : mail_.delivery.unknown()) {
        const auto& [name, instance] = whom;
        log(fmt::format(
            "{} of an earlier run {} in the journal for {}{}, which the tree file does not have: "
            "delivered when that name returns (supe dead)",
            mails.size() == 1 ? "1 mail" : fmt::format("{} mails", mails.size()),
            mails.size() == 1 ? "waits" : "wait", name,
            instance == mailbox::anyone ? "" : fmt::format(".{}", instance + 1)));
    }
}

/// The disk may have been full, or somebody repairs the file. The children run: each part has a
/// turn of its own.
awaitable<> supervisor::read_journal_late() {
    restorer reader(mail_, dead_, true);
    while (!journal_is_read_) {
        co_await env_.time.sleep_for(read_again_after);
        journal::part read = journal_->restore_part(reader);
        while (!read.is_last) {
            mail_.flush();
            co_await asio::post(env_.time.executor(), use_awaitable);
            read = journal_->restore_part(reader);
        }
        journal_is_read_ = read.error.empty();
    }
    mail_.delivery.on_earlier_mail();
    dead_.on_earlier_letters();
    report_unknown();
    log("the mail of an earlier run is read now");
    mail_.flush();
}

/// Logs each error once, and when it is over.
awaitable<> supervisor::run_journal() {
    std::string logged;
    for (;;) {
        const journal::result written = co_await journal_->next_result();
        if (written.error != logged) {
            logged = written.error;
            log(logged.empty()
                    ? "the journal is written again"
                    : fmt::format("the journal cannot be written, and new mail is refused: {}",
                                  logged));
        }
        mail_.delivery.on_journal(written);
        mail_.flush();
        if (over_) changed_.notify();  // decide() waits for the last of them
    }
}

}  // namespace supe
