#include "supe/simulation/memory_journal.hpp"

#include "supe/async/assertion.hpp"

#include <algorithm>
#include <iterator>

namespace supe::simulation {

journal::part memory_journal::restore_part(journal_reader& reader) {
    if (!disk_.broken.empty()) return {disk_.broken};
    if (!std::exchange(is_reading_, true)) {
        for (const std::string& id : disk_.finished) reader.on_finished(id);
        for (const auto& [id, letter] : disk_.letters) reader.on_letter(letter);
    }
    auto next = disk_.mails.upper_bound(last_read_);
    for (std::size_t n = 0; n < disk_.part_mails && next != disk_.mails.end(); ++n, ++next) {
        journaled_mail restored = next->second;
        last_read_ = next->first;
        if (last_read_ <= disk_.delivered[restored.box]) ++restored.attempt;
        reader.on_mail(restored);
    }
    is_reading_ = next != disk_.mails.end();
    return {.error = {}, .is_last = !is_reading_};
}

void memory_journal::put(journaled_mail mail) {
    ++puts_gathered_;
    gathered_.push_back([mail = std::move(mail)](journal_disk& d) {
        const bool is_new = d.mails.emplace(mail.sequence, mail).second;
        SUPE_ASSERT(is_new);
    });
}

void memory_journal::mark_delivery(const std::string& box, std::uint64_t sequence) {
    std::uint64_t& mark = disk_.delivered[box];
    mark = std::max(mark, sequence);
}

void memory_journal::erase(std::uint64_t sequence, std::string_view finished) {
    gathered_.push_back([sequence, id = std::string(finished)](journal_disk& d) {
        d.mails.erase(sequence);
        if (!id.empty()) d.finished.push_back(id);
    });
}

void memory_journal::put_back(std::uint64_t sequence, unsigned attempt, unsigned charges,
                              bool suspect, mail_history history) {
    gathered_.push_back([=, history = std::move(history)](journal_disk& d) {
        const auto found = d.mails.find(sequence);
        if (found == d.mails.end()) return;
        found->second.attempt = attempt;
        found->second.charges = charges;
        found->second.suspect = suspect;
        found->second.history = history;
    });
}

void memory_journal::keep(std::shared_ptr<const dead_letter> letter) {
    gathered_.push_back([letter](journal_disk& d) { d.letters[letter->name()] = *letter; });
}

void memory_journal::discard(const std::string& name) {
    gathered_.push_back([name](journal_disk& d) { d.letters.erase(name); });
}

void memory_journal::flush() {
    if (gathered_.empty() || is_reading_) return;
    std::move(gathered_.begin(), gathered_.end(), std::back_inserter(on_their_way_));
    gathered_.clear();
    puts_on_their_way_ += std::exchange(puts_gathered_, 0);
    flushed_.notify();
}

awaitable<journal::result> memory_journal::next_result() {
    while (on_their_way_.empty()) co_await flushed_.wait();
    in_commit_ = std::exchange(on_their_way_, {});
    const std::size_t puts = std::exchange(puts_on_their_way_, 0);
    co_await time_.sleep_for(disk_.commit_takes);
    result done{puts, disk_.broken};
    commit();
    while (disk_.is_silent) co_await flushed_.wait();
    co_return done;
}

void memory_journal::commit() {
    for (const step& s : std::exchange(in_commit_, {})) {
        if (disk_.broken.empty()) s(disk_);
    }
}

void memory_journal::close() {
    flush();
    std::move(on_their_way_.begin(), on_their_way_.end(), std::back_inserter(in_commit_));
    on_their_way_.clear();
    commit();
}

}  // namespace supe::simulation
