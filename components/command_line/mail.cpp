// `supe mail`: a message for a component, or a saved mailbox taken back.
#include "components/command_line/commands.hpp"
#include "components/command_line/printing.hpp"
#include "components/command_line/target_tree.hpp"
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
#include <boost/json/object.hpp>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
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

struct saved_mail {
    std::string line, id, from, msg;
    std::string extras;  // the other members, as they stood: `,"key":value…`
    int attempt = 0;
    std::size_t at = 0;  // where the line begins in the file
};

/// A line of a saved mailbox (state_directory.md).
saved_mail saved_mail_in(const std::string& line, const std::string& place) {
    saved_mail mail{line, {}, {}, {}, {}, 0, 0};
    supe::json_members members(line);
    while (members.next()) {
        const bool quoted = members.value().starts_with('"');
        if (members.key() == "type")  // no mail has it, so that a later format can
            throw std::runtime_error(
                fmt::format("{}: a newer version of this program wrote it", place));
        if (members.key() == "msg") {
            mail.msg = members.value();
        } else if (members.key() == "attempt") {
            mail.attempt = std::atoi(std::string(members.value()).c_str());
        } else if (members.key() == "id" && quoted) {
            mail.id = supe::json_string_value(members.value());
        } else if (members.key() == "from" && quoted) {
            mail.from = supe::json_string_value(members.value());
        } else {
            mail.extras += fmt::format(",\"{}\":{}", members.key(), members.value());
        }
    }
    if (!members.well_formed() || mail.msg.empty() || mail.id.empty())
        throw std::runtime_error(
            fmt::format("{}: no saved mail: must be a JSON object with id and msg", place));
    return mail;
}

/// A saved mailbox, for this process alone. A line that was taken back gets this byte for its `{`
/// at once: what a killed command has left is taken by the next one.
class saved_mailbox_file {
public:
    static constexpr char taken_mark = '-';

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

    /// What is not taken yet. Throws with the place of what is no saved mail.
    std::vector<saved_mail> read() const {
        std::ifstream in(fmt::format("/proc/self/fd/{}", fd_.get()), std::ios::binary);
        std::vector<saved_mail> all;
        std::size_t number = 0, at = 0;
        for (std::string line; std::getline(in, line); at += line.size() + 1) {
            ++number;
            if (line.empty() || line.front() == taken_mark) continue;
            all.push_back(saved_mail_in(line, fmt::format("{}:{}", name_, number)));
            all.back().at = at;
        }
        return all;
    }
    bool mark_taken(const saved_mail& mail) const {
        return ::pwrite(fd_.get(), &taken_mark, 1, static_cast<off_t>(mail.at)) == 1;
    }

private:
    [[noreturn]] void fail(const std::string& why) const {
        throw std::runtime_error(fmt::format("{}: {}", name_, why));
    }

    std::string name_;
    supe::unique_fd fd_;
};

/// `dam.queue.1.jsonl` is the first that was saved of /dam/queue.
std::string address_in_name(const std::string& file) {
    std::string name = fs::path(file).filename().string();
    name = name.substr(0, name.rfind(".jsonl"));
    return supe::address_in_file_name(name.substr(0, name.rfind('.')));
}

/// So many of them from `first` on as make a request of a good size.
json::object next_batch(const std::vector<saved_mail>& all, std::size_t first,
                        const std::string& address) {
    constexpr std::size_t enough = 256u << 10;  // bytes
    constexpr std::size_t most = 1000;          // mails
    json::array mails;
    const std::size_t end = std::min(all.size(), first + most);
    for (std::size_t i = first, bytes = 0; i < end && bytes < enough; bytes += all[i++].line.size())
        mails.push_back(json::object{{"id", all[i].id},
                                     {"from", all[i].from},
                                     {"attempt", all[i].attempt},
                                     {"msg", all[i].msg},
                                     {"extras", all[i].extras}});
    return {{"do", "restore"}, {"address", address}, {"mails", std::move(mails)}};
}

exit_code take_back_all(const target_tree& where, const saved_mailbox_file& file,
                        const std::vector<saved_mail>& all, const std::string& address) {
    std::size_t taken = 0;
    exit_code code = exit_code::done;
    while (taken < all.size() && code == exit_code::done) {
        json::value answer;
        code = where.ask(next_batch(all, taken, address), &answer);
        if (code != exit_code::done) break;
        const std::size_t before = taken;
        taken += answer.at("taken").to_number<std::size_t>();
        for (std::size_t i = before; i < taken; ++i)
            if (!file.mark_taken(all[i])) code = exit_code::failed;
        if (code != exit_code::done) complain("the file does not say what was taken back");
        const std::string problem = supe::string_of(answer.as_object(), "problem");
        if (problem.empty()) continue;
        complain("{}: {}", address, problem);
        code = exit_code::failed;
    }
    fmt::print("{} of {} mails taken back to {}\n", taken, all.size(), address);
    return code;
}

exit_code take_back(const target_tree& where, const mail_options& options) {
    std::optional<saved_mailbox_file> file;
    std::vector<saved_mail> all;
    try {
        file.emplace(options.file);
        all = file->read();
    } catch (const std::runtime_error& e) {
        return refuse_mail(e.what());
    }
    const std::string address =
        options.address.empty() ? address_in_name(options.file) : options.address;
    const exit_code code = take_back_all(where, *file, all, address);
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
