// The journal on disk. It has a thread of its own, because fsync blocks.
#pragma once

#include "supe/async/clock.hpp"
#include "supe/async/unique_fd.hpp"
#include "supe/mail/delivery_marks.hpp"
#include "supe/mail/journal_file.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include "supe/async/stream_descriptor.hpp"

namespace supe {

/// Group commit: the steps that come during one commit make up the next one. The first step starts
/// the thread, and creates the file when it is missing. Where no thread can be had, mail is refused
/// as where the file cannot be written, and the next flush() tries again.
class sqlite_journal final : public journal {
public:
    sqlite_journal(loop_executor executor, std::filesystem::path file);
    /// As close().
    ~sqlite_journal() override { close(); }

    part restore_part(journal_reader& reader) override;
    void put(journaled_mail mail) override;
    void mark_delivery(const std::string& box, std::uint64_t sequence) override {
        marks_.raise(box, sequence);
    }
    void erase(std::uint64_t sequence, std::string_view finished) override;
    void put_back(std::uint64_t sequence, unsigned attempt, unsigned charges, bool suspect,
                  mail_history history) override;
    void keep(std::shared_ptr<const dead_letter> letter) override;
    void discard(const std::string& name) override;
    void flush() override;
    awaitable<result> next_result() override;
    void close() override;

private:
    std::string begin_restoring();
    void write_loop();
    result write(journal_steps& steps);
    bool begin_thread();
    void hand_over();
    void refuse_puts(const std::string& why);
    void wake();

    journal_file file_;       // used by the thread alone once it runs
    delivery_marks marks_;    // used by the loop alone
    bool restoring_ = false;  // until it is done, the loop alone uses the file
    bool has_mail_ = false;   // what was read by now
    bool has_begun_ = false;  // a mail or a letter was
    std::string unreadable_;  // why restore() failed: there is no thread then
    bool marks_are_open_ = false;
    bool is_partly_read_ = false;  // it cannot be read a second time
    journal_steps gathered_;       // until flush()
    std::size_t waiting_ = 0;      // steps that were left when it was last looked through
    stream_descriptor wake_;       // an eventfd: results_ is not empty
    std::thread thread_;
    bool is_refusing_ = false;  // nothing can be written, and this is reported

    std::mutex mutex_;  // guards all below
    std::condition_variable work_;
    journal_steps queue_;
    std::size_t needed_ = 0;  // steps in queue_ when it was last looked through
    std::deque<result> results_;
    bool end_ = false;
};

}  // namespace supe
