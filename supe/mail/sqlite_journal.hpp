// The journal on disk, with the one thread of a supervisor beside its loop: fsync blocks.
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

/// Group commit: while one commit is on its way to the disk, all steps that come meanwhile make the
/// next one. The thread, and the file where there is none, begin with the first step.
class sqlite_journal final : public journal {
public:
    sqlite_journal(loop_executor executor, std::filesystem::path file);
    /// As close().
    ~sqlite_journal() override { close(); }

    std::string restore(journal_reader& reader) override;
    void put(journaled_mail mail) override;
    void mark_delivery(const std::string& box, std::uint64_t sequence) override {
        marks_.raise(box, sequence);
    }
    void erase(std::uint64_t sequence, std::string_view finished) override;
    void put_back(std::uint64_t sequence, unsigned attempt, unsigned charges, bool suspect,
                  mail_history history) override;
    void keep(const dead_letter& letter) override;
    void discard(const std::string& id) override;
    void flush() override;
    awaitable<result> next_result() override;
    void close() override;

private:
    void write_loop();
    result write(journal_steps& steps);
    void begin_thread();

    journal_file file_;       // the thread's, once that runs
    delivery_marks marks_;    // the loop's
    bool restoring_ = false;  // the file is the loop's until that is done
    std::string unreadable_;  // why restore() failed: nothing is written over it
    journal_steps gathered_;  // until flush()
    stream_descriptor wake_;  // an eventfd: results_ has something
    std::thread thread_;

    std::mutex mutex_;  // of all below
    std::condition_variable work_;
    journal_steps queue_;
    std::deque<result> results_;
    bool end_ = false;
};

}  // namespace supe
