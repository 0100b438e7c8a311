// `supe mail`: a message for a component, or a saved mailbox taken back.
#include "components/command_line/commands.hpp"
#include "components/command_line/printing.hpp"
#include "components/command_line/target_tree.hpp"
#include "supe/async/signals_blocked.hpp"
#include "supe/mail/saved_mail.hpp"
#include "supe/storage/private_files.hpp"
#include "supe/text/json_text.hpp"
#include "supe/text/json_value.hpp"
#include "supe/text/units.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <random>
#include <vector>

namespace components {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

struct mail_options {
    std::string address;
    std::string text;
    std::string file;
    std::string timeout;
    bool wait = false;
};

exit_code refuse_mail(const std::string& why) {
    print_problem(why);
    return exit_code::bad_usage;
}

/// The text goes on byte for byte; line ends between its members would end the request.
std::string request_for(const mail_options& options, std::string msg, supe::milliseconds timeout) {
    std::ranges::replace_if(msg, [](char c) { return c == '\n' || c == '\r'; }, ' ');
    return fmt::format(R"({{"do":"mail","to":{},"wait":{},"timeout_ms":{},"msg":{}}})",
                       supe::json_quoted(options.address), options.wait, timeout.count(), msg);
}

exit_code send_mail(const target_tree& where, const mail_options& options) {
    supe::milliseconds timeout{0};  // none
    if (!options.timeout.empty()) {
        const auto given = supe::parse_duration(options.timeout);
        if (!given || given->count() == 0)
            return refuse_mail(fmt::format("--timeout: \"{}\" is not a duration like 250ms, 8s, 5m",
                                           options.timeout));
        if (!options.wait) return refuse_mail("--timeout is for --wait");
        timeout = *given;
    }
    std::string text = options.text;
    if (text == "-") text.assign(std::istreambuf_iterator<char>(std::cin), {});
    if (!supe::is_json(text))
        return refuse_mail(fmt::format("the message is no JSON: {:.200}", text));
    return where.ask_line(request_for(options, std::move(text), timeout));
}

/// A line of a saved mailbox.
struct saved_line {
    std::string text;
    std::size_t number = 0;  // from 1
    std::size_t at = 0;      // where it begins in the file
    unsigned instance = 0;   // the one that alone may have the mail, from 1; 0: any
};

/// A saved mailbox, for this process alone. A line that was taken back gets the mark for its `{`
/// at once: what a killed command has left is taken by the next one. It has an identity too, by
/// which a supervisor knows the lines that it took before a killed command could mark them.
class saved_mailbox_file {
public:
    static constexpr char taken_mark = '-';
    static constexpr std::string_view identity_mark = "-identity ";  // passed over as if taken

    /// Throws where it cannot be had.
    explicit saved_mailbox_file(std::string name)
        : name_(std::move(name)),
          fd_(::open(name_.c_str(), O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)) {
        struct stat ours{}, now{};
        if (!fd_ || ::fstat(fd_.get(), &ours) != 0) fail(supe::file_error(errno));
        if (!S_ISREG(ours.st_mode)) fail(supe::file_error(supe::not_regular));
        if (::flock(fd_.get(), LOCK_EX | LOCK_NB) != 0)
            fail("another supe mail --from-file takes it back");
        // That one may have ended between our open and our lock.
        if (::stat(name_.c_str(), &now) != 0) fail(supe::file_error(errno));
        if (now.st_ino != ours.st_ino) fail("another file took its place");
    }

    /// What is not taken yet, what is for one instance alone last: each of them gets its own in
    /// order. Throws with the place of what is no saved mail.
    std::vector<saved_line> read() {
        std::ifstream in(fmt::format("/proc/self/fd/{}", fd_.get()), std::ios::binary);
        std::vector<saved_line> all;
        supe::saved_mail mail;
        std::size_t number = 0, at = 0, size = 0;
        for (std::string line; std::getline(in, line); at += size + 1) {
            ++number;
            size = line.size();
            if (line.starts_with(identity_mark)) identity_ = line.substr(identity_mark.size());
            if (line.empty() || line.front() == taken_mark) continue;
            const std::string problem = supe::read_saved_mail(line, mail);
            if (!problem.empty())
                throw std::runtime_error(fmt::format("{}: {}", place_of(number), problem));
            all.push_back({std::move(line), number, at, mail.instance});
        }
        std::ranges::sort(all, {},
                          [](const saved_line& l) { return std::pair(l.instance, l.number); });
        if (identity_.size() != identity_size && !all.empty()) identify();
        return all;
    }
    bool mark_taken(const saved_line& line) const {
        return ::pwrite(fd_.get(), &taken_mark, 1, static_cast<off_t>(line.at)) == 1;
    }
    /// No other line of any file has it; empty where the file could not be given an identity.
    std::string identity_of(const saved_line& line) const {
        return identity_.empty() ? std::string() : fmt::format("{}:{}", identity_, line.number);
    }
    std::string place_of(std::size_t number) const { return fmt::format("{}:{}", name_, number); }

private:
    static constexpr std::size_t identity_size = 16;

    /// In a line behind the last one.
    void identify() {
        std::random_device random;
        identity_ = fmt::format("{:08x}{:08x}", random(), random());
        const off_t size = ::lseek(fd_.get(), 0, SEEK_END);
        char last = '\n';
        const bool is_read = size > 0 && ::pread(fd_.get(), &last, 1, size - 1) == 1;
        const std::string text =
            fmt::format("{}{}{}\n", last == '\n' ? "" : "\n", identity_mark, identity_);
        const ssize_t written = is_read ? ::pwrite(fd_.get(), text.data(), text.size(), size) : -1;
        if (written != static_cast<ssize_t>(text.size())) identity_.clear();  // the disk is full
    }
    [[noreturn]] void fail(const std::string& why) const {
        throw std::runtime_error(fmt::format("{}: {}", name_, why));
    }

    std::string name_;
    std::string identity_;
    supe::unique_fd fd_;
};

/// `dam.queue.1.jsonl` is the first that was saved of /dam/queue.
std::string address_in_name(const std::string& file) {
    std::string name = fs::path(file).filename().string();
    name = name.substr(0, name.rfind(".jsonl"));
    return supe::address_in_file_name(name.substr(0, name.rfind('.')));
}

/// A mail for one instance alone goes to the one of that number, whatever its child is called now.
std::string address_for(std::string address, unsigned instance) {
    while (address.ends_with('/')) address.pop_back();
    const std::string name = address.substr(address.rfind('/') + 1);
    const bool is_instance = name.find('.') != std::string::npos;
    return instance == 0 || is_instance ? address : fmt::format("{}.{}", address, instance);
}

/// The line as it stands, or as a string where its nesting leaves no room for that of the frames
/// that carry it to a nested supervisor.
std::string element_of(const std::string& line) {
    return supe::is_json("[[[" + line + "]]]") ? line : supe::json_quoted(line);
}

/// Both are one child, or instances of it.
bool is_same_child(std::string_view a, std::string_view b) {
    const auto without_instance = [](std::string_view address) {
        while (address.ends_with('/')) address.remove_suffix(1);
        if (address.starts_with('/')) address.remove_prefix(1);
        const auto name = address.rfind('/') + 1;
        return address.substr(0, address.find('.', name));
    };
    return without_instance(a) == without_instance(b);
}

/// Takes the mail back to `address`. A mail that cannot be taken back keeps no other one from it.
class taking_back {
public:
    taking_back(const target_tree& where, const saved_mailbox_file& file,
                std::vector<saved_line> all, std::string address, bool of_another)
        : where_(where), file_(file), all_(std::move(all)), address_(std::move(address)),
          of_another_(of_another) {}

    exit_code run() {
        while (next_ < all_.size() && perform_one()) {}
        fmt::print("{} of {} mails taken back to {}\n", taken_, all_.size(), address_);
        return code_;
    }

private:
    static constexpr std::size_t enough = 256u << 10;  // bytes of one request; more: a line alone
    static constexpr std::size_t most = 1000;          // mails of one request

    /// The end of what one request takes: from `next_` on, for one address.
    std::size_t end_of_request() const {
        std::size_t end = next_, bytes = 0;
        while (end < all_.size() && end < next_ + most &&
               all_[end].instance == all_[next_].instance) {
            bytes += all_[end].text.size();
            if (bytes > enough && end > next_) break;
            ++end;
        }
        return end;
    }

    /// Performs one request. False where no further one makes sense.
    bool perform_one() {
        // Ctrl-C comes between two requests: what was taken is marked.
        const supe::signals_blocked until_marked;
        const std::size_t end = end_of_request();
        const std::string whom = address_for(address_, all_[next_].instance);
        std::string mails, lines;
        for (std::size_t i = next_; i < end; ++i) {
            const char* const comma = i == next_ ? "" : ",";
            mails += comma + element_of(all_[i].text);
            lines += comma + supe::json_quoted(file_.identity_of(all_[i]));
        }
        json::value answer;
        std::string problem;
        const exit_code asked = where_.ask_line(
            fmt::format(
                R"({{"do":"restore","address":{},"of_another":{},"lines":[{}],"mails":[{}]}})",
                supe::json_quoted(whom), of_another_, lines, mails),
            &answer, &problem);
        if (asked != exit_code::done) return pass_over(asked, problem);
        if (!mark(answer.at("taken").to_number<std::size_t>())) return false;
        problem = supe::string_of(answer.as_object(), "problem");
        if (problem.empty()) return true;
        complain("{}: {}", whom, problem);
        fail(exit_code::failed);
        return false;
    }

    /// The next `n` are taken.
    bool mark(std::size_t n) {
        bool marked = true;
        for (const std::size_t end = next_ + n; next_ < end; ++next_, ++taken_)
            marked = file_.mark_taken(all_[next_]) && marked;
        if (marked) return true;
        complain("the file does not say what was taken back");
        fail(exit_code::failed);
        return false;
    }

    /// A request was refused: where the rest may do without what is in it, the rest goes on.
    bool pass_over(exit_code why, const std::string& problem) {
        fail(why);
        if (problem.empty()) return false;  // there is no tree, and that was said
        const saved_line& first = all_[next_];
        const bool no_instance = why == exit_code::no_such && first.instance > 0;
        const bool is_large =
            first.text.size() > enough && (why == exit_code::failed || why == exit_code::bad_usage);
        complain("{}: {}", file_.place_of(first.number), problem);
        if (no_instance)
            while (next_ < all_.size() && all_[next_].instance == first.instance) ++next_;
        if (is_large) ++next_;
        return no_instance || is_large;
    }

    void fail(exit_code why) {
        if (code_ == exit_code::done) code_ = why;
    }

    const target_tree& where_;
    const saved_mailbox_file& file_;
    std::vector<saved_line> all_;
    std::string address_;
    bool of_another_;
    std::size_t next_ = 0;
    std::size_t taken_ = 0;
    exit_code code_ = exit_code::done;
};

exit_code take_back(const target_tree& where, const mail_options& options) {
    std::optional<saved_mailbox_file> file;
    std::vector<saved_line> all;
    try {
        file.emplace(options.file);
        all = file->read();
    } catch (const std::runtime_error& e) {
        return refuse_mail(e.what());
    }
    const std::string saved_of = address_in_name(options.file);
    const std::string address = options.address.empty() ? saved_of : options.address;
    const bool of_another = !is_same_child(address, saved_of);
    const exit_code code = taking_back(where, *file, std::move(all), address, of_another).run();
    std::error_code failed;
    if (code == exit_code::done) fs::rename(options.file, options.file + ".taken", failed);
    return code;
}

exit_code perform_mail(const target_tree& where, const mail_options& options) {
    const bool from_file = !options.file.empty();
    if (from_file && !options.text.empty())
        return refuse_mail("--from-file takes no message besides");
    if (from_file) return take_back(where, options);
    if (options.address.empty() || options.text.empty())
        return refuse_mail("mail needs ADDRESS and JSON, or --from-file FILE");
    return send_mail(where, options);
}

}  // namespace

command mail_command(target_tree& where) {
    auto options = std::make_shared<mail_options>();
    command c{.name = "mail",
              .help = "mail to a component; ends when it is accepted",
              .group = "Change what runs"};
    c.parameters = {
        {.name = "ADDRESS",
         .into = &options->address,
         .help = "a child, by name or address; `supe` is the root itself"},
        {.name = "JSON",
         .into = &options->text,
         .help = "the message, any JSON; - reads it from stdin"},
        {.name = "--wait", .into = &options->wait, .help = "end when it is acknowledged"},
        {.name = "--timeout",
         .into = &options->timeout,
         .help = "with --wait: give up waiting after this time (exit code 4); the mail stays "
                 "accepted",
         .placeholder = "D"},
        {.name = "--from-file",
         .into = &options->file,
         .help = "take back a mailbox that was saved in STATE/mailboxes, in its order; FILE "
                 "becomes FILE.taken",
         .placeholder = "FILE"}};
    add_target_options(c, where);
    c.footer =
        "A saved mailbox is a copy: `supe start` of a child that was given up goes on with the "
        "mail itself.\n\n"
        "Examples:\n  supe mail --wait /dam/queue '{\"resume\": true}'\n  supe mail worker - "
        "--wait "
        "--timeout 30s < message.json\n"
        "  supe mail --from-file ~/.local/state/supe/shop/mailboxes/worker.1.jsonl";
    c.perform = [options, &where] { return perform_mail(where, *options); };
    return c;
}

}  // namespace components
