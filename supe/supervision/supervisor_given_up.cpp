// What follows when a child has passed its own limit: its mail is saved, and a line for the
// operator.
#include "supe/supervision/saved_mailbox.hpp"
#include "supe/supervision/supervisor.hpp"
#include "supe/text/json_text.hpp"

#include <fmt/format.h>

namespace supe {
namespace {

bool retries(const child_spec& spec) { return spec.on_excessive == on_excessive_kind::retry; }

std::string limit_passed(const child_entry& entry) {
    const restart_limit& limit = entry.who.spec().limit;
    return fmt::format("more than {} restarts within {:g} s (the last end: {})", limit.count,
                       in_seconds(limit.within), entry.deaths.back().text);
}

}  // namespace

/// It passed its own limit, others of its name go on.
void supervisor::give_up_instance(child_entry& entry) {
    const child_spec& spec = entry.who.spec();
    const std::string anew =
        retries(spec) ? "; it begins anew in " + print_duration(spec.retry_after) : std::string();
    log(fmt::format("{} stays down: {}; the other instances of {} go on{}", spec.name,
                    limit_passed(entry), entry.public_name(), anew));
}

struct supervisor::given_up {
    std::string name, address, limit, next_try;
    restart_limit passed;
    bool retried;
    std::shared_ptr<const mailbox> box;
};

/// The notice names the file with its mail, so it comes when that is written.
void supervisor::give_up(child_entry& entry) {
    const child_spec& spec = entry.who.spec();
    const std::string address = children_.address_of(entry.public_name());
    const std::string next_try = retries(spec)
                                     ? fmt::format("it begins anew in {} (supe start {}: now)",
                                                   print_duration(spec.retry_after), address)
                                     : fmt::format("supe start {} tries again", address);
    given_up what{entry.public_name(), address,       limit_passed(entry), next_try,
                  spec.limit,          retries(spec), entry.mail.shared};
    if (what.box->empty() || env_.state.empty()) return report_given_up(what, {});
    ++saves_;
    tasks_.start(save_mail_of(std::move(what)));
}

awaitable<> supervisor::save_mail_of(given_up what) {
    std::string earlier = what.retried ? copies_[what.name] : std::string();
    awaitable<mailbox_copy> saving =
        save_mailbox(what.box, what.address, env_.state, beside(), std::move(earlier));
    const mailbox_copy made = co_await std::move(saving);
    const std::string& file = made.file;
    if (what.retried && !file.empty()) copies_[what.name] = file;
    report_given_up(what, file);
    end_save();
}

void supervisor::report_given_up(const given_up& what, const std::string& file) {
    const std::string copied = file.empty() ? "" : ", a copy of it in " + file;
    log(fmt::format("{} stays down: {}; {}{}", what.name, what.limit, what.next_try,
                    what.box->empty() ? "" : "; its mail waits" + copied));
    notices_.publish_about(
        what.name, "excessive-crash",
        fmt::format(R"("restarts":{},"within_ms":{},"mailbox":{})", what.passed.count,
                    what.passed.within.count(), file.empty() ? "null" : json_quoted(file)));
}

}  // namespace supe
