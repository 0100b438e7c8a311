// What a supervisor keeps beyond its life: mail, where the tree file says so, and dead letters always.
#include "supe/mail/sqlite_journal.hpp"
#include "supe/supervision/supervisor.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace supe {
namespace {

/// `STATE/mail/dam.queue.sqlite` for `/dam/queue`; `supe` for the root, which no child can be called.
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
        journal_ = std::make_unique<sqlite_journal>(env_.time.executor(), journal_path(env_.state, address_));
    }
    if (!journal_) return;
    struct restorer final : journal_reader {
        post_office& office;
        dead_letters& dead;
        restorer(post_office& o, dead_letters& d) : office(o), dead(d) {}
        void on_mail(const journaled_mail& mail) override { office.restore(mail); }
        void on_letter(dead_letter letter) override { dead.restore(std::move(letter)); }
        void on_finished(const std::string& id) override { office.restore_finished(id); }
    } reader{office_, dead_};
    office_.keep_in(*journal_, spec_.journal);
    dead_.keep_on(journal_.get());
    const std::string unreadable = journal_->restore(reader);
    if (!unreadable.empty()) {
        log(fmt::format("the mail of an earlier run cannot be read{}: {}", spec_.journal ? ", and no mail is taken" : "", unreadable));
    }
}

awaitable<> supervisor::run_journal() {
    std::string told;  // the same fault is told once, until it is over
    for (;;) {
        const journal::progress settled = co_await journal_->settled();
        if (settled.error != told) {
            told = settled.error;
            log(told.empty() ? "mail is written again" : fmt::format("mail cannot be written, and is refused: {}", told));
        }
        office_.on_journal(settled);
        office_.flush();
    }
}

}  // namespace supe
