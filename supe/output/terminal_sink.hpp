// A line sink for this process's stdout and stderr, and for the files that keep the output.
#pragma once

#include "supe/output/log_files.hpp"
#include "supe/output/output_line.hpp"
#include "supe/output/patient_writer.hpp"
#include "supe/output/sink.hpp"

#include <map>
#include <optional>
#include <string>

namespace supe {

enum class output_format {
    text,     ///< `[NAME] line`, with the whole address below the root's children; in colour on a
              ///< terminal, unless NO_COLOR is set
    timed,    ///< the same behind the time: `2026-01-31T12:00:00.000Z [NAME] line`
    json,     ///< a JSON object for each line
    relayed,  ///< `[ADDRESS] line`: of a nested supervisor, for split_label() in its own supervisor
};

/// On for a terminal that shows colours, unless NO_COLOR is set.
colours colours_for(int fd);

/// Lines of stdout go to stdout, lines of stderr and our own log to stderr (contract §6); to a
/// terminal without the control characters in them (terminal_text.hpp). When our
/// reader is slow, up to 256 KiB wait before is_full(). A dead child's output comes all the same:
/// of each address 1 MiB more is kept, and a mark reports what was dropped. When stdout and stderr
/// are the same file, they share one queue, so that lines do not mix.
class terminal_sink final : public line_sink {
public:
    static constexpr std::size_t full_at = 256u << 10;   // bytes waiting for a reader
    static constexpr std::size_t dead_limit = 1u << 20;  // bytes kept of an address while full
    /// A reader that lets the children wait for so long is reported.
    static constexpr std::chrono::seconds reader_patience{5};

    explicit terminal_sink(clock& c, output_format format = output_format::text, int out = 1,
                           int err = 2);

    /// From now on `files` keeps every line too. It outlives this object.
    void keep_in(log_writer& files) { files_ = &files; }

    void write(stream s, std::string_view address, std::string_view line) override;
    void flush() override;
    bool is_full() const override;
    awaitable<> writable() override;
    bool is_stuck() const override { return stuck_since_ != never; }
    /// Writes what could not be written at once, and does the work of the files. Runs as long as
    /// the sink is used.
    awaitable<> drain();
    /// At the end: resumes when all is written, or when our reader took nothing for `patience`.
    awaitable<> finish(duration patience);

private:
    struct end {
        end(clock& c, int fd);
        patient_writer writer;
        colours shown;
        bool is_terminal;
        bool closed_reported = false;
    };
    struct excess {
        std::size_t kept = 0;  // bytes, while full
        std::size_t dropped_lines = 0, dropped_bytes = 0;
        stream last = stream::out;
    };
    end& of(stream s) { return s == stream::err && err_ ? *err_ : out_; }
    bool may_keep(const end& e, stream s, std::string_view address, std::size_t bytes);
    void append(std::string& to, const end& e, stream s, std::string_view address,
                std::string_view line);
    void put(stream s, std::string_view address, std::string_view line);
    void report_dropped();
    void report_closed();
    void report_loss();
    awaitable<> drain_one(end& e);
    awaitable<> watch_reader();
    awaitable<> tidy_files();
    std::size_t waiting() const {
        return out_.writer.waiting() + (err_ ? err_->writer.waiting() : 0);
    }

    clock& clock_;
    output_format format_;
    end out_;
    std::optional<end> err_;  // without a value: the same file as stdout
    log_writer* files_ = nullptr;
    bool loses_ = false;  // lines of the kept output, by the last report
    time_point next_loss_report_{};
    utc_text stamp_;
    std::map<std::string, excess, std::less<>> excess_;
    condition space_;
    timer work_;                      // something waits to be written, or the files have work
    time_point stuck_since_ = never;  // since then our reader lets the children wait
};

}  // namespace supe
