#include "supe/mail/sqlite_journal.hpp"

#include "supe/async/blocking_work.hpp"

#include <fmt/format.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <iterator>
#include <system_error>
#include <utility>

namespace supe {
namespace {

using kind = journal_step::kind;

/// The disk may have room again.
constexpr std::chrono::seconds write_again_after{1};

bool is_put(const journal_step& step) { return step.what == kind::put; }

/// Where many have come since the last look. `needed`: those that were left then.
void drop_pointless(journal_steps& steps, std::size_t& needed) {
    if (steps.size() <= 2 * needed + 1024) return;
    steps = without_pointless_steps(std::move(steps));
    needed = steps.size();
}

/// Adds the delivery that only the mark records. Raises the mark again, because the marks of this
/// life begin empty when those of the earlier one are not trusted.
class marking_reader final : public journal_reader {
public:
    marking_reader(journal_reader& to, delivery_marks& marks) : to_(to), marks_(marks) {}
    void on_mail(const journaled_mail& mail) override {
        has_mail_ = true;
        if (!marks_.covers(mail.box, mail.sequence)) return to_.on_mail(mail);
        marks_.raise(mail.box, mail.sequence);
        journaled_mail delivered = mail;
        ++delivered.attempt;
        to_.on_mail(delivered);
    }
    void on_letter(dead_letter letter) override {
        has_letter_ = true;
        to_.on_letter(std::move(letter));
    }
    void on_finished(const std::string& id) override { to_.on_finished(id); }
    bool has_mail() const { return has_mail_; }
    bool has_letter() const { return has_letter_; }

private:
    journal_reader& to_;
    delivery_marks& marks_;
    bool has_mail_ = false, has_letter_ = false;
};

}  // namespace

sqlite_journal::sqlite_journal(loop_executor executor, std::filesystem::path file)
    : file_(file), marks_(std::filesystem::path(file).replace_extension("handed")),
      wake_(std::move(executor), ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void sqlite_journal::close() {
    if (std::exchange(restoring_, false)) file_.stop_reading();
    flush();
    if (!thread_.joinable()) return;
    {
        const std::lock_guard lock(mutex_);
        end_ = true;
    }
    work_.notify_one();
    thread_.join();
}

/// Returns why not, or empty.
std::string sqlite_journal::begin_restoring() {
    restoring_ = true;
    has_mail_ = has_begun_ = false;
    std::string problem = marks_are_open_ ? std::string() : marks_.open();
    marks_are_open_ = problem.empty();
    return problem.empty() ? file_.open() : problem;
}

journal::part sqlite_journal::restore_part(journal_reader& reader) {
    if (is_partly_read_) return {unreadable_};
    part next;
    if (!restoring_) {
        unreadable_.clear();
        if (!file_.exists()) return {};
        next.error = begin_restoring();
    }
    marking_reader marking(reader, marks_);
    if (next.error.empty()) next = file_.restore_part(marking);
    has_mail_ = has_mail_ || marking.has_mail();
    has_begun_ = has_begun_ || marking.has_mail() || marking.has_letter();
    if (!next.is_last) return next;
    unreadable_ = next.error;
    if (unreadable_.empty()) {
        has_mail_ ? marks_.begin() : marks_.begin_anew();
    } else {
        file_.close();  // it may be another file the next time
    }
    is_partly_read_ = !unreadable_.empty() && has_begun_;
    restoring_ = false;
    return next;
}

// --- called by the loop ---

void sqlite_journal::put(journaled_mail mail) {
    if (unreadable_.empty() && !restoring_) marks_.begin();
    gathered_.push_back(
        {.what = kind::put, .mail = std::make_unique<journaled_mail>(std::move(mail))});
}

void sqlite_journal::erase(std::uint64_t sequence, std::string_view finished) {
    gathered_.push_back({.what = kind::erase, .sequence = sequence, .text = std::string(finished)});
}

void sqlite_journal::put_back(std::uint64_t sequence, unsigned attempt, unsigned charges,
                              bool suspect, mail_history history) {
    gathered_.push_back({.what = kind::put_back,
                         .sequence = sequence,
                         .text = to_text(history),
                         .attempt = attempt,
                         .charges = charges,
                         .suspect = suspect});
}

/// Its text is made by the thread: that of 16 MiB takes long.
void sqlite_journal::keep(std::shared_ptr<const dead_letter> letter) {
    std::string name = letter->name();
    gathered_.push_back({.what = kind::keep, .id = std::move(name), .letter = std::move(letter)});
}

void sqlite_journal::discard(const std::string& name) {
    gathered_.push_back({.what = kind::discard, .text = name});
}

bool sqlite_journal::begin_thread() {
    try {
        thread_ = start_thread([this] { write_loop(); });
        is_refusing_ = false;
        return true;
    } catch (const std::system_error& e) {
        refuse_puts(fmt::format("no thread can be started to write it: {}", e.code().message()));
        return false;
    }
}

void sqlite_journal::flush() {
    if (gathered_.empty() || restoring_) return;
    if (!unreadable_.empty()) return refuse_puts(unreadable_);
    if (thread_.joinable() || begin_thread()) hand_over();
}

void sqlite_journal::hand_over() {
    {
        const std::lock_guard lock(mutex_);
        if (queue_.empty()) {
            queue_.swap(gathered_);
            needed_ = 0;
        } else {
            std::move(gathered_.begin(), gathered_.end(), std::back_inserter(queue_));
        }
        // A mail may be put back again and again while one commit goes on.
        drop_pointless(queue_, needed_);
    }
    gathered_.clear();
    work_.notify_one();
}

/// Nothing can be written. The other steps stay gathered. Without a put the reason is reported
/// once: each report leads to a flush.
void sqlite_journal::refuse_puts(const std::string& why) {
    result refused;
    refused.puts = std::erase_if(gathered_, is_put);
    drop_pointless(gathered_, waiting_);
    refused.error = why;
    if (refused.puts == 0 && std::exchange(is_refusing_, true)) return;
    is_refusing_ = true;
    {
        const std::lock_guard lock(mutex_);
        results_.push_back(std::move(refused));
    }
    wake();
}

void sqlite_journal::wake() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto n = ::write(wake_.native_handle(), &one, sizeof one);
}

awaitable<journal::result> sqlite_journal::next_result() {
    for (;;) {
        {
            const std::lock_guard lock(mutex_);
            if (!results_.empty()) {
                result next = std::move(results_.front());
                results_.pop_front();
                co_return next;
            }
        }
        co_await wake_.async_wait(stream_descriptor::wait_read, use_awaitable);
        std::uint64_t times = 0;
        [[maybe_unused]] const auto n = ::read(wake_.native_handle(), &times, sizeof times);
    }
}

// --- the thread ---

void sqlite_journal::write_loop() {
    journal_steps steps;  // those that an earlier commit could not write come first
    for (bool is_last = false; !is_last;) {
        {
            std::unique_lock lock(mutex_);
            const auto has_work = [&] { return !queue_.empty() || end_; };
            if (steps.empty()) {
                work_.wait(lock, has_work);
            } else {
                work_.wait_for(lock, write_again_after, has_work);
            }
            is_last = end_ && queue_.empty();
            if (is_last && steps.empty()) return;
            std::move(queue_.begin(), queue_.end(), std::back_inserter(steps));
            queue_.clear();
        }
        result done = write(steps);
        bool idle = false;
        {
            const std::lock_guard lock(mutex_);
            results_.push_back(std::move(done));
            idle = queue_.empty();
        }
        wake();
        if (idle) file_.compact();
    }
}

/// Leaves in `steps` what the next commit tries again. A put that fails is not tried again: its
/// mail is refused.
journal::result sqlite_journal::write(journal_steps& steps) {
    result done;
    for (const journal_step& step : steps) done.puts += is_put(step);
    done.error = file_.write(steps);
    if (done.error.empty()) {
        steps.clear();
    } else {
        std::erase_if(steps, is_put);
        steps = without_pointless_steps(std::move(steps));
    }
    return done;
}

}  // namespace supe
