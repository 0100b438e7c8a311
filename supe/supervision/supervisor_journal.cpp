// What a supervisor keeps beyond its life: mail, where the tree file says so, and dead letters
// always.
#include "supe/mail/sqlite_journal.hpp"
#include "supe/supervision/supervisor.hpp"

#include <fmt/format.h>
#include <algorithm>

namespace supe {
namespace {

/// `STATE/mail/dam.queue.sqlite` for `/dam/queue`; `supe` for the root, which no child can be
/// called.
std::filesystem::path journal_path(const std::filesystem::path& state, const std::string& address) {
    std::string name = address.empty() ? "supe" : address.substr(1);
    std::ranges::replace(name, '/', '.');  // names have no dots
    return state / "mail" / (name + ".sqlite");
}

}  // namespace

void supervisor::open_journal() {
    if (env_.journals) {
        journal_ = env_.journals(address_);
    } else if (!env_.state.empty()) {
        journal_ = std::make_unique<sqlite_journal>(env_.time.executor(),
                                                    journal_path(env_.state, address_));
    }
    if (!journal_) return;
    struct restorer final : journal_reader {
        mail_router& router;
        dead_letters& dead;
        restorer(mail_router& o, dead_letters& d) : router(o), dead(d) {}
        void on_mail(const journaled_mail& mail) override { router.restore(mail); }
        void on_letter(dead_letter letter) override { dead.restore(std::move(letter)); }
        void on_finished(const std::string& id) override { router.restore_finished(id); }
    } reader{router_, dead_};
    router_.keep_in(*journal_, spec_.journal);
    dead_.keep_on(journal_.get());
    const std::string unreadable = journal_->restore(reader);
    if (!unreadable.empty()) {
        log(fmt::format("the mail of an earlier run cannot be read{}: {}",
                        spec_.journal ? ", and no mail is taken" : "", unreadable));
    }
}

awaitable<> supervisor::run_journal() {
    std::string told;  // the same fault is told once, until it is over
    for (;;) {
        const journal::result written = co_await journal_->next_result();
        if (written.error != told) {
            told = written.error;
            log(told.empty() ? "mail is written again"
                             : fmt::format("mail cannot be written, and is refused: {}", told));
        }
        router_.on_journal(written);
        router_.flush();
    }
}

}  // namespace supe
