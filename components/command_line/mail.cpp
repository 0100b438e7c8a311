// `supe mail`: a message for a component, or a saved mailbox taken back.
#include "components/command_line/commands.hpp"
#include "components/command_line/printing.hpp"
#include "components/command_line/target_tree.hpp"
#include "supe/storage/private_files.hpp"
#include "supe/text/json_text.hpp"
#include "supe/text/json_value.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <algorithm>
#include <boost/json/object.hpp>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <vector>

namespace components {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

struct mail_options {
    std::string address;
    std::string text;
    std::string file;
    bool wait = false;
};

exit_code refuse_mail(const std::string& why) {
    print_problem(why);
    return exit_code::bad_usage;
}

/// The text goes on byte for byte; line ends between its members would end the request.
std::string request_for(const std::string& address, std::string msg, bool wait) {
    std::ranges::replace_if(msg, [](char c) { return c == '\n' || c == '\r'; }, ' ');
    return fmt::format(R"({{"do":"mail","to":{},"wait":{},"msg":{}}})", supe::json_quoted(address),
                       wait, msg);
}

exit_code send_mail(const target_tree& where, const mail_options& options) {
    std::string text = options.text;
    if (text == "-") text.assign(std::istreambuf_iterator<char>(std::cin), {});
    if (!supe::is_json(text))
        return refuse_mail(fmt::format("the message is no JSON: {:.200}", text));
    return where.ask_line(request_for(options.address, std::move(text), options.wait));
}

struct saved_mail {
    std::string line, id, from, msg;
    std::string extras;  // the other members, as they stood: `,"key":value…`
    int attempt = 0;
};

/// A line of a saved mailbox (state_directory.md).
saved_mail saved_mail_in(const std::string& line, const std::string& place) {
    saved_mail mail{line, {}, {}, {}, {}, 0};
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

/// Throws with the place of what is no saved mail.
std::vector<saved_mail> read_saved(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    if (!in)
        throw std::runtime_error(
            fmt::format("{}: {}", file, std::generic_category().message(errno)));
    std::vector<saved_mail> all;
    std::size_t number = 0;
    for (std::string line; std::getline(in, line);) {
        ++number;
        if (line.empty()) continue;
        all.push_back(saved_mail_in(line, fmt::format("{}:{}", file, number)));
    }
    return all;
}

/// `dam.queue.1.jsonl` is the first that was saved of /dam/queue.
std::string address_in_name(const std::string& file) {
    std::string name = fs::path(file).filename().string();
    name = name.substr(0, name.rfind(".jsonl"));
    name = name.substr(0, name.rfind('.'));
    std::ranges::replace(name, '.', '/');
    return "/" + name;
}

/// So many of them from `first` on as make a request of a good size.
json::object next_batch(const std::vector<saved_mail>& all, std::size_t first,
                        const std::string& address) {
    constexpr std::size_t enough = 256u << 10;  // bytes
    json::array mails;
    for (std::size_t i = first, bytes = 0; i < all.size() && bytes < enough;
         bytes += all[i++].line.size())
        mails.push_back(json::object{{"id", all[i].id},
                                     {"from", all[i].from},
                                     {"attempt", all[i].attempt},
                                     {"msg", all[i].msg},
                                     {"extras", all[i].extras}});
    return {{"do", "restore"}, {"address", address}, {"mails", std::move(mails)}};
}

/// What has not been taken back stays in the file, and a second run begins there.
void keep_rest(const std::string& file, const std::vector<saved_mail>& all, std::size_t taken) {
    const std::string next = file + ".new";
    // Made first, so that nobody else can read it even for a moment.
    const auto made = supe::open_private(next, O_WRONLY | O_CREAT | O_TRUNC);
    std::ofstream out(made ? next : std::string(), std::ios::binary);
    for (std::size_t i = taken; i < all.size(); ++i) out << all[i].line << '\n';
    out.close();
    std::error_code failed;
    if (out) fs::rename(next, file, failed);
    if (!out || failed)
        complain("{} could not be rewritten: it holds what was taken back too", file);
}

exit_code take_back(const target_tree& where, const mail_options& options) {
    std::vector<saved_mail> all;
    try {
        all = read_saved(options.file);
    } catch (const std::runtime_error& e) {
        return refuse_mail(e.what());
    }
    const std::string address =
        options.address.empty() ? address_in_name(options.file) : options.address;
    std::size_t taken = 0;
    exit_code code = exit_code::done;
    while (taken < all.size() && code == exit_code::done) {
        json::value answer;
        code = where.ask(next_batch(all, taken, address), &answer);
        if (code != exit_code::done) break;
        taken += answer.at("taken").to_number<std::size_t>();
        const std::string problem = supe::string_of(answer.as_object(), "problem");
        if (problem.empty()) continue;
        complain("{}: {}", address, problem);
        code = exit_code::failed;
    }
    fmt::print("{} of {} mails taken back to {}\n", taken, all.size(), address);
    if (code != exit_code::done) {
        if (taken > 0) keep_rest(options.file, all, taken);
        return code;
    }
    std::error_code failed;
    fs::rename(options.file, options.file + ".taken", failed);
    return exit_code::done;
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
        {.name = "--from-file",
         .into = &options->file,
         .help = "take back a mailbox that was saved in STATE/mailboxes, in its order; FILE "
                 "becomes FILE.taken",
         .placeholder = "FILE"}};
    add_target_options(c, where);
    c.footer =
        "A saved mailbox is a copy: `supe start` of a child that was given up goes on with the "
        "mail itself.\n\n"
        "Examples:\n  supe mail /dam/queue '{\"resume\": true}'\n  supe mail worker - --wait < "
        "message.json\n"
        "  supe mail --from-file ~/.local/state/supe/shop/mailboxes/worker.1.jsonl";
    c.perform = [options, &where] { return perform_mail(where, *options); };
    return c;
}

}  // namespace components
