// The mail of a child that was given up, in files of the state directory. Simulated children, real
// files.
#include "supe/supervision/saved_mailbox.hpp"
#include "supe/async/blocking_work.hpp"
#include "supe/mail/journal_file.hpp"
#include "tests/support/event_loop.hpp"
#include "tests/support/players.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/support/virtual_loop.hpp"

#include <sys/stat.h>
#include <boost/json/parse.hpp>
#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>

using support::player_world;

namespace {

const char* const tree =
    R"({"name": "t", "children": [{"name": "a", "component": "stubborn", "max_restarts": 0}]})";

/// The file in the latest excessive-crash; empty for null.
std::string named_file(const player_world& w) {
    const auto notice = boost::json::parse(w.messages("a-excessive-crash").back());
    return notice.at("mailbox").is_null() ? "" : std::string(notice.at("mailbox").as_string());
}

std::vector<std::string> lines_of(const std::string& file) {
    std::ifstream in(file);
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
}

bool has_no_file(const std::filesystem::path& directory) {
    return !std::filesystem::exists(directory) || std::filesystem::is_empty(directory);
}

supe::envelope mail_of(std::string_view id, std::string_view msg, std::string_view extras) {
    supe::envelope mail;
    mail.id = id;
    mail.from = "web";
    mail.msg = msg;
    mail.extras = extras;
    return mail;
}

/// A mailbox that is saved to a disk on which each step takes a second of virtual time.
struct slow_disk {
    const support::temporary_directory directory;
    support::virtual_loop loop;
    std::shared_ptr<supe::mailbox> box =
        std::make_shared<supe::mailbox>(supe::mailbox_limits{.bytes = 100u << 20});
    int puts = 0, turns = 0;
    bool fails = false;
    std::string file = "?";

    void put(const std::string& msg, const std::string& extras = {}) {
        const std::string id = "m-" + std::to_string(++puts);
        box->offer(mail_of(id, msg, extras));
    }
    supe::awaitable<> step(std::function<void()> work) {
        ++turns;
        if (fails) throw std::system_error(EAGAIN, std::generic_category());
        co_await loop.time().sleep_for(std::chrono::seconds(1));
        work();
    }
    supe::awaitable<> save() {
        const supe::blocking_runner beside = [this](std::function<void()> work) {
            return step(std::move(work));
        };
        auto saving = supe::save_mailbox(box, "/a", directory.path(), beside, {});
        const supe::mailbox_copy made = co_await std::move(saving);
        file = made.file;
    }
    void begin() {
        loop.start(save());
        loop.run_ready();
    }
    void finish() { loop.advance(std::chrono::minutes(1)); }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(saved_mailbox)

// The notice names the file, which has each mail and cannot be read by other users. The mail stays
// in its mailbox too.
BOOST_AUTO_TEST_CASE(is_a_copy) {
    const support::temporary_directory directory;
    player_world w(tree, 1, directory.path());
    w.mail("/a", R"({"n":1})");
    w.mail("/a", R"({"n":2})");
    w.crash("/a");
    const auto file = named_file(w);
    BOOST_TEST(file == (directory.path() / "mailboxes/a.1.jsonl").string());
    BOOST_TEST(lines_of(file).size() == 2u);
    BOOST_TEST(boost::json::parse(lines_of(file).at(1)).at("msg") ==
               boost::json::parse(R"({"n":2})"));
    struct stat about{};
    BOOST_TEST(::stat(file.c_str(), &about) == 0);
    BOOST_TEST((about.st_mode & 0777) == 0600u);
    BOOST_TEST(w.root().entry_of(*w.root().find("a")).mail.box.queued() == 2u);
}

// The next copy is a new file, because the earlier one may be the only copy of its mail.
BOOST_AUTO_TEST_CASE(does_not_touch_an_earlier_one) {
    const support::temporary_directory directory;
    player_world w(tree, 1, directory.path());
    w.mail("/a", "1");
    w.crash("/a");
    const auto first = named_file(w);
    BOOST_TEST(w.by_hand(w.root().admin().start("a")) == "");
    w.crash("/a");
    BOOST_TEST(named_file(w) != first);
    BOOST_TEST(lines_of(first).size() == 1u);
}

// With `retry` a child may be given up again and again: each copy replaces the one before, and the
// mail is in the mailbox for all of that time.
BOOST_AUTO_TEST_CASE(retry_keeps_one) {
    const support::temporary_directory directory;
    player_world w(
        R"({"name": "t", "children": [{"name": "a", "component": "stubborn", "max_restarts": 0,
            "on_excessive": "retry", "retry_after": "5s"}]})",
        1, directory.path());
    w.mail("/a", "1");
    w.crash("/a");
    const auto first = named_file(w);
    w.mail("/a", "2");
    w.advance(std::chrono::seconds(5));
    BOOST_TEST(w.starts_of("/a") == 2u);
    w.crash("/a");
    const auto second = named_file(w);
    BOOST_TEST(second != first);
    BOOST_TEST(lines_of(second).size() == 2u);
    BOOST_TEST(!std::filesystem::exists(first));
    BOOST_TEST(w.lines().back().find("it begins anew in 5s (supe start /a: now)") !=
               std::string::npos);
}

// Without mail no file is written; a directory that cannot be written is no failure.
BOOST_AUTO_TEST_CASE(nothing_saved) {
    const support::temporary_directory directory;
    player_world w(tree, 1, directory.path());
    w.crash("/a");
    BOOST_TEST(named_file(w) == "");
    player_world nowhere(tree, 1, "/proc/no-such-directory");
    nowhere.mail("/a", "1");
    nowhere.crash("/a");
    BOOST_TEST(named_file(nowhere) == "");
}

// What a mail has besides stands in its line: the call that it is or answers, and members that
// nobody here knows.
BOOST_AUTO_TEST_CASE(all_members) {
    slow_disk s;
    s.put("1", R"(,"re":"c-1","mine":[1, 2])");
    s.begin();
    s.finish();
    BOOST_TEST(lines_of(s.file).at(0) ==
               R"({"id":"m-1","from":"web","attempt":0,"msg":1,"re":"c-1","mine":[1, 2]})");
}

// A large mailbox is written in slices, and the loop goes on in between: mail that comes meanwhile
// is not in the copy, and mail that leaves does not break it.
BOOST_AUTO_TEST_CASE(mail_comes_and_goes_meanwhile) {
    slow_disk s;
    const std::string large = '"' + std::string(300'000, 'x') + '"';
    for (int i = 0; i < 20; ++i) s.put(large);
    s.begin();
    BOOST_TEST(s.turns == 1);
    s.put("late");
    s.box->connected(0);
    s.box->ready(0, 1000);
    for (int i = 0; i < 6; ++i) s.box->take_next(0);  // more than the first slice has
    for (int i = 0; i < 5; ++i) s.box->ack_oldest(0);
    s.box->ended(0, supe::mailbox::ending::uncharged, {});
    s.finish();
    BOOST_TEST(s.turns >= 5);
    std::vector<std::string> ids;
    for (const std::string& line : lines_of(s.file))
        ids.emplace_back(boost::json::parse(line).at("id").as_string());
    std::vector<std::string> expected{"m-1", "m-2", "m-3", "m-4"};
    for (int i = 6; i <= 20; ++i) expected.push_back("m-" + std::to_string(i));
    BOOST_TEST(ids == expected, boost::test_tools::per_element());
}

// What its sender keeps is in no file, and is read in slices all the same: it takes as long.
BOOST_AUTO_TEST_CASE(kept_by_its_sender) {
    slow_disk s;
    const std::string kept = R"(,"dead_letter":false,"x":")" + std::string(300'000, 'x') + '"';
    for (int i = 0; i < 20; ++i) s.put("1", kept);
    s.put("2");
    s.begin();
    s.finish();
    BOOST_TEST(s.turns >= 6);
    BOOST_TEST(lines_of(s.file).size() == 1u);
}

// The mailbox is emptied (`supe remove`) while it is written: the copy has what was read by then.
BOOST_AUTO_TEST_CASE(removed_meanwhile) {
    slow_disk s;
    const std::string large = '"' + std::string(600'000, 'x') + '"';
    for (int i = 0; i < 6; ++i) s.put(large);
    s.begin();
    s.box->remove();
    while (s.box->take_removed().mail) {}
    s.finish();
    BOOST_TEST(lines_of(s.file).size() == 2u);
}

// Cancelled, or on a disk that fails, no part of a mailbox is left: it would look like a whole one.
BOOST_AUTO_TEST_CASE(no_part_is_left) {
    slow_disk cancelled;
    cancelled.put("1");
    cancelled.begin();
    cancelled.loop.stop();
    BOOST_TEST(has_no_file(cancelled.directory.path() / "mailboxes"));
    slow_disk failing;
    failing.fails = true;
    failing.put("1");
    failing.begin();
    failing.finish();
    BOOST_TEST(failing.file == "");
    BOOST_TEST(has_no_file(failing.directory.path() / "mailboxes"));
}

// Of a removed supervisor: who alone may have a mail stands in its line, what its sender keeps is
// in no file, and a mail whose text is damaged breaks no other line. All of it leaves the journal
// but the dead letters.
BOOST_AUTO_TEST_CASE(journals) {
    const support::temporary_directory directory;
    const auto path = supe::journal_path(directory.path(), "/n");
    supe::journal_steps steps;
    const auto put = [&](const char* msg, const char* extras, supe::mailbox::consumer meant_for) {
        supe::envelope mail = mail_of("m", msg, extras);
        mail.sequence = steps.size() + 1;
        steps.push_back({.what = supe::journal_step::kind::put,
                         .mail = std::make_unique<supe::journaled_mail>("w", mail, meant_for)});
    };
    put("1", "", supe::mailbox::anyone);
    put("2", R"(,"dead_letter":false)", supe::mailbox::anyone);
    put("3", R"(,"mine":[1, 2])", 1);
    put("{\nno", "", supe::mailbox::anyone);
    const auto letter = std::make_shared<supe::dead_letter>();
    letter->id = "l";
    steps.push_back({.what = supe::journal_step::kind::keep, .id = letter->id, .letter = letter});
    {
        supe::journal_file file(path);
        BOOST_TEST(file.write(steps) == "");
    }
    const supe::saved_journals saved = supe::save_journals(directory.path(), "/n");
    BOOST_TEST(saved.problem == "");
    BOOST_TEST(saved.mails == 3u);
    BOOST_TEST(saved.kept == 1u);
    BOOST_TEST(saved.letters == 1u);
    BOOST_REQUIRE(saved.files.size() == 1u);
    std::vector<std::string> kept;  // attempts differ: nothing says how often each was delivered
    for (const std::string& line : lines_of(saved.files[0]))
        kept.push_back(line.substr(line.find(",\"attempt\":") + 13));
    BOOST_TEST(
        kept == (std::vector<std::string>{R"("msg":1})", R"("to":"w.2","msg":3,"mine":[1, 2]})",
                                          R"("msg":"{\nno"})"}),
        boost::test_tools::per_element());
    const supe::saved_journals again = supe::save_journals(directory.path(), "/n");
    BOOST_TEST(again.mails + again.kept == 0u);
    BOOST_TEST(again.letters == 1u);
}

// With a real thread: a mailbox of 100 MiB is given up, and meanwhile the loop does other work.
BOOST_AUTO_TEST_CASE(the_loop_goes_on) {
    support::event_loop loop;
    const support::temporary_directory directory;
    auto box = std::make_shared<supe::mailbox>(supe::mailbox_limits{.bytes = 200u << 20});
    const std::string msg = '"' + std::string(100'000, 'x') + '"';
    for (int i = 0; i < 1000; ++i) box->offer(mail_of("m", msg, {}));
    std::string file;
    bool done = false;
    const auto save = [&]() -> supe::awaitable<> {
        const supe::blocking_runner beside = [&](std::function<void()> work) {
            return supe::run_blocking(loop.io.get_executor(), std::move(work));
        };
        auto saving = supe::save_mailbox(box, "/a", directory.path(), beside, {});
        const supe::mailbox_copy made = co_await std::move(saving);
        file = made.file;
        done = true;
    };
    std::size_t other_work = 0;
    const auto other = [&]() -> supe::awaitable<> {
        while (!done) {
            ++other_work;
            co_await loop.time.sleep_for(std::chrono::milliseconds(1));
        }
    };
    supe::nursery tasks(loop.time);
    tasks.start(save());
    tasks.start(other());
    BOOST_TEST(loop.until([&] { return done; }, std::chrono::seconds(60)));
    loop.end(tasks);
    BOOST_TEST(std::filesystem::file_size(file) > 100'000'000u);
    BOOST_TEST(other_work > 10u);
}

BOOST_AUTO_TEST_SUITE_END()
