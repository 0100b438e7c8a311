// A journal whose disk is an object of the test: it outlives the supervisor, takes its time, and
// can be full.
#pragma once

#include "supe/async/clock.hpp"
#include "supe/mail/journal.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <vector>

namespace supe::simulation {

/// What has reached the disk.
struct journal_disk {
    std::map<std::uint64_t, journaled_mail> mails;
    std::map<std::string, dead_letter> letters;  ///< by name
    std::vector<std::string> finished;
    /// By mailbox, the last sequence that was delivered. Written at once, without a commit.
    std::map<std::string, std::uint64_t> delivered;
    std::string broken;  ///< why nothing can be written, nor read at the start; empty: it can
    std::size_t part_mails = SIZE_MAX;  ///< that one step of reading passes on
    duration commit_takes = std::chrono::milliseconds(1);
    bool is_silent = false;  ///< what is committed is not reported: the supervisor dies before that
};

/// Steps that are not committed when the supervisor dies are lost, as they are when a process is
/// killed.
class memory_journal final : public journal {
public:
    memory_journal(clock& time, journal_disk& disk) : time_(time), disk_(disk), flushed_(time) {}

    part restore_part(journal_reader& reader) override;
    void put(journaled_mail mail) override;
    void mark_delivery(const std::string& box, std::uint64_t sequence) override;
    void erase(std::uint64_t sequence, std::string_view finished) override;
    void put_back(std::uint64_t sequence, unsigned attempt, unsigned charges, bool suspect,
                  mail_history history) override;
    void keep(std::shared_ptr<const dead_letter> letter) override;
    void discard(const std::string& name) override;
    void flush() override;
    awaitable<result> next_result() override;
    void close() override;

private:
    void commit();
    using step = std::function<void(journal_disk&)>;
    clock& time_;
    journal_disk& disk_;
    bool is_reading_ = false;      // parts are left: nothing is written
    std::uint64_t last_read_ = 0;  // the sequence of the last mail that was read
    std::vector<step> gathered_, on_their_way_, in_commit_;
    std::size_t puts_gathered_ = 0, puts_on_their_way_ = 0;
    timer flushed_;
};

}  // namespace supe::simulation
