// The journal on a real disk: what it reports as written is there in the next life; a failed write
// is reported.
#include "supe/mail/sqlite_journal.hpp"
#include "tests/support/event_loop.hpp"
#include "tests/support/file_size_limit.hpp"
#include "tests/support/files.hpp"
#include "tests/support/temporary_directory.hpp"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <fstream>

using namespace std::chrono_literals;
using words = std::vector<std::string>;

namespace {

supe::journaled_mail mail_of(std::uint64_t sequence, const std::string& msg) {
    supe::journaled_mail mail;
    mail.sequence = sequence;
    mail.box = "b";
    mail.id = "id-" + std::to_string(sequence);
    mail.msg = msg;
    return mail;
}

struct contents final : supe::journal_reader {
    words mails, letters, finished;
    void on_mail(const supe::journaled_mail& m) override {
        mails.push_back(m.id + " " + m.msg + " " + std::to_string(m.attempt) + " " +
                        std::to_string(m.charges) + " " + std::to_string(m.history.size()));
    }
    void on_letter(supe::dead_letter letter) override { letters.push_back(letter.name()); }
    void on_finished(const std::string& id) override { finished.push_back(id); }
};

/// A journal in its loop, and the results of its commits.
struct kept {
    support::event_loop loop;
    supe::sqlite_journal journal;
    supe::nursery tasks{loop.time};
    std::size_t written = 0, refused = 0, results = 0;
    std::string error;

    explicit kept(const std::filesystem::path& file) : journal(loop.io.get_executor(), file) {
        tasks.start(listen());
    }
    ~kept() { loop.end(tasks); }
    supe::awaitable<> listen() {
        for (;;) {
            const auto p = co_await journal.next_result();
            (p.error.empty() ? written : refused) += p.puts;
            ++results;
            error = p.error;
        }
    }
    bool wait_for(std::size_t puts) {
        journal.flush();
        return loop.until([&] { return written + refused >= puts; }, 20s);
    }
};

contents read(const std::filesystem::path& file) {
    support::event_loop loop;
    supe::sqlite_journal journal(loop.io.get_executor(), file);
    contents all;
    BOOST_TEST(journal.restore(all) == "");
    return all;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(journal_file)

// Puts, acks, histories and letters come back, in order; other users cannot read the file.
BOOST_AUTO_TEST_CASE(comes_back) {
    const support::temporary_directory tmp;
    const auto file = tmp / "mail/supe.sqlite";
    {
        kept k(file);
        for (int i = 1; i <= 5; ++i)
            k.journal.put(
                mail_of(static_cast<unsigned>(i), std::string("x\0y", 3) + std::to_string(i)));
        BOOST_TEST(k.wait_for(5));
        BOOST_TEST(k.written == 5u);
        k.journal.erase(2, "r-2");
        k.journal.put_back(3, 7, 2, true, {{{}, "it crashed"}});
        supe::dead_letter letter;
        for (const char* id : {"d-1", "d-2"}) {
            letter.id = id;
            k.journal.keep(std::make_shared<supe::dead_letter>(letter));
        }
        letter.copy = 2;
        k.journal.keep(std::make_shared<supe::dead_letter>(letter));
        k.journal.discard("d-1");
    }  // the destructor writes what was gathered
    const contents all = read(file);
    const std::string x("x\0y", 3);
    BOOST_TEST(all.mails == (words{"id-1 " + x + "1 0 0 0", "id-3 " + x + "3 7 2 1",
                                   "id-4 " + x + "4 0 0 0", "id-5 " + x + "5 0 0 0"}));
    BOOST_TEST(all.finished == words{"r-2"});
    BOOST_TEST(all.letters == (words{"d-2", "d-2~2"}));
    struct stat found{};
    BOOST_REQUIRE(::stat(file.c_str(), &found) == 0);
    BOOST_TEST((found.st_mode & 0777) == 0600u);
}

// A disk that was full for a while: acks are written once it has room again, although nothing else
// comes; and at the end at the latest.
BOOST_AUTO_TEST_CASE(written_later) {
    for (const bool waits : {true, false}) {
        const support::temporary_directory tmp;
        {
            kept k(tmp / "j.sqlite");
            k.journal.put(mail_of(1, "1"));
            k.journal.put(mail_of(2, "2"));
            BOOST_TEST(k.wait_for(2));
            const std::size_t before = k.results;
            {
                const support::file_size_limit full(100);
                k.journal.erase(1, "");
                k.journal.flush();
                BOOST_TEST(k.loop.until([&] { return k.results > before; }, 20s));
                BOOST_TEST(k.error != "");
            }
            if (waits) BOOST_TEST(k.loop.until([&] { return k.error.empty(); }, 20s));
        }
        BOOST_TEST(read(tmp / "j.sqlite").mails == words{"id-2 2 0 0 0"});
    }
}

// After a death (without close) a delivered mail comes back with the attempt that may have been
// under way, other mail without it. When the marks are of another boot, or are lost, all mail
// counts as delivered.
BOOST_AUTO_TEST_CASE(knows_what_was_delivered) {
    const support::temporary_directory tmp;
    const auto file = tmp / "mail/supe.sqlite", marks = tmp / "mail/supe.handed";
    {
        kept k(file);
        for (int i = 1; i <= 3; ++i) k.journal.put(mail_of(static_cast<unsigned>(i), "m"));
        BOOST_TEST(k.wait_for(3));
        BOOST_TEST(read(file).mails == (words{"id-1 m 0 0 0", "id-2 m 0 0 0", "id-3 m 0 0 0"}));
        k.journal.mark_delivery("b", 2);
        k.journal.mark_delivery("b", 1);
        k.journal.mark_delivery("another", 3);
        BOOST_TEST(read(file).mails == (words{"id-1 m 1 0 0", "id-2 m 1 0 0", "id-3 m 0 0 0"}));
    }
    const words some{"id-1 m 1 0 0", "id-2 m 1 0 0", "id-3 m 0 0 0"},
        all{"id-1 m 1 0 0", "id-2 m 1 0 0", "id-3 m 1 0 0"};
    BOOST_TEST(read(file).mails == some);
    std::filesystem::copy(marks, tmp / "kept");
    {
        std::fstream edit(marks, std::ios::in | std::ios::out | std::ios::binary);
        edit.seekp(16);
        edit << "another boot";
    }
    BOOST_TEST(read(file).mails == all);
    BOOST_TEST(read(file).mails == all);  // the new file of marks keeps that
    std::filesystem::resize_file(tmp / "kept", 100);
    std::filesystem::rename(tmp / "kept", marks);
    BOOST_TEST(read(file).mails == all);
    std::filesystem::remove(marks);
    BOOST_TEST(read(file).mails == all);
    // A life that cannot read the journal writes no marks, whatever it is sent.
    std::filesystem::remove(marks);
    std::filesystem::rename(file, tmp / "good");
    std::ofstream(file) << std::string(10'000, 'r');
    {
        kept k(file);
        contents none;
        BOOST_TEST(k.journal.restore(none) != "");
        k.journal.put(mail_of(9, "m"));
        BOOST_TEST(k.wait_for(1));
    }
    std::filesystem::rename(tmp / "good", file);
    BOOST_TEST(read(file).mails == all);
}

// When no mail is left, the file of marks begins again: later mail was not delivered, whatever its
// number.
BOOST_AUTO_TEST_CASE(marks_begin_again) {
    const support::temporary_directory tmp;
    const auto file = tmp / "mail/supe.sqlite";
    {
        kept k(file);
        k.journal.put(mail_of(7, "m"));
        BOOST_TEST(k.wait_for(1));
        k.journal.mark_delivery("b", 7);
        k.journal.erase(7, {});
    }
    {
        kept k(file);
        contents none;
        BOOST_TEST(k.journal.restore(none) == "");
        BOOST_TEST(none.mails.empty());
        k.journal.put(mail_of(1, "m"));
        BOOST_TEST(k.wait_for(1));
    }
    BOOST_TEST(read(file).mails == words{"id-1 m 0 0 0"});
}

// Many mailboxes: the file grows, and has a mark for each.
BOOST_AUTO_TEST_CASE(marks_of_many) {
    const support::temporary_directory tmp;
    {
        supe::delivery_marks marks(tmp / "m.handed");
        marks.begin();
        for (std::uint64_t i = 0; i < 1000; ++i) marks.raise("box-" + std::to_string(i), i + 1);
    }
    supe::delivery_marks marks(tmp / "m.handed");
    marks.open();
    for (std::uint64_t i = 0; i < 1000; ++i)
        BOOST_REQUIRE(marks.covers("box-" + std::to_string(i), i + 1) &&
                      !marks.covers("box-" + std::to_string(i), i + 2));
    BOOST_TEST(!marks.covers("nobody", 1));
}

// When no mark can be written (the disk is full), the next life does not trust the file.
BOOST_AUTO_TEST_CASE(marks_that_cannot_be_kept) {
    const support::temporary_directory tmp;
    {
        supe::delivery_marks marks(tmp / "m.handed");
        marks.begin();
        marks.raise("a", 1);
        std::filesystem::remove(tmp / "m.handed");
        std::filesystem::create_directory(tmp / "m.handed");
    }
    supe::delivery_marks none(tmp / "m.handed");
    none.open();
    BOOST_TEST(none.covers("a", 7));
    none.begin();
    none.raise("a", 1);  // has no effect
    BOOST_TEST(none.covers("b", 1));
}

// No file is created before there is something to write.
BOOST_AUTO_TEST_CASE(no_file_without_need) {
    const support::temporary_directory tmp;
    { kept k(tmp / "mail/supe.sqlite"); }
    BOOST_TEST(!std::filesystem::exists(tmp / "mail"));
}

// A file as the first version wrote it opens, with all that is in it; one of a version after ours
// is refused.
BOOST_AUTO_TEST_CASE(versions) {
    const support::temporary_directory tmp;
    const auto file = tmp / "supe.sqlite";
    {
        SQLite::Database first(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
        first.exec(R"(
            PRAGMA auto_vacuum = INCREMENTAL;
            PRAGMA journal_mode = WAL;
            CREATE TABLE mail (seq INTEGER PRIMARY KEY, box BLOB NOT NULL, id BLOB NOT NULL,
                sender BLOB NOT NULL, msg BLOB NOT NULL, extras BLOB NOT NULL,
                flags INTEGER NOT NULL, meant_for INTEGER NOT NULL, attempt INTEGER NOT NULL,
                charges INTEGER NOT NULL, suspect INTEGER NOT NULL, history BLOB NOT NULL);
            CREATE TABLE dead (n INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, letter BLOB NOT NULL);
            CREATE TABLE finished (n INTEGER PRIMARY KEY, id BLOB NOT NULL);
            INSERT INTO mail VALUES (4, x'62', x'69642d34', x'61', x'226d22', x'', 0, 0, 2, 1, 0, x'');
            INSERT INTO finished VALUES (1, x'722d31');
        )");
    }
    supe::journal_file journal(file);
    contents all;
    BOOST_TEST(journal.open() == "");
    BOOST_TEST(journal.restore(all) == "");
    BOOST_TEST(all.mails == (words{"id-4 \"m\" 2 1 0"}), boost::test_tools::per_element());
    BOOST_TEST(all.finished == words{"r-1"}, boost::test_tools::per_element());
    SQLite::Database(file.string(), SQLite::OPEN_READWRITE).exec("PRAGMA user_version = 2");
    const std::string why = supe::journal_file(file).open();
    BOOST_TEST(why == file.string() +
                          ": a newer version of this program wrote it "
                          "(format 2, 1 is known here)");
}

// Delivery marks of a version after ours, or behind a symbolic link: no mail is taken, and nothing
// is written to them.
BOOST_AUTO_TEST_CASE(marks_that_are_not_ours) {
    const support::temporary_directory tmp;
    const auto file = tmp / "supe.sqlite", marks = tmp / "supe.handed";
    {
        kept k(file);
        k.journal.put(mail_of(1, "1"));
        BOOST_TEST(k.wait_for(1));
    }
    std::string text = support::read_file(marks);
    BOOST_REQUIRE(text.starts_with("upemark1"));
    text[7] = '2';
    const auto refused = [&](const std::string& why) {
        kept k(file);
        contents all;
        const std::string said = k.journal.restore(all);
        BOOST_TEST(said.find(why) != std::string::npos, said);
        k.journal.put(mail_of(2, "2"));
        BOOST_TEST(k.wait_for(1));
        BOOST_TEST(k.refused == 1u);
    };
    support::write_file(marks, text);
    refused("supe.handed: a newer version of this program wrote it");
    BOOST_TEST(support::read_file(marks) == text);
    std::filesystem::rename(marks, tmp / "elsewhere");
    std::filesystem::create_symlink(tmp / "elsewhere", marks);
    refused("supe.handed: it is a symbolic link");
    BOOST_TEST(support::read_file(tmp / "elsewhere") == text);
}

// No thread can be had: mail is refused with the reason, as where the disk is full; what else was
// to be written waits. The next flush tries again.
BOOST_AUTO_TEST_CASE(no_thread) {
    const support::temporary_directory tmp;
    ::chmod(tmp.path().c_str(), 0777);
    const pid_t pid = ::fork();
    if (pid == 0) {
        rlimit many{};
        ::getrlimit(RLIMIT_NPROC, &many);
        const rlimit none{1, many.rlim_max};
        if (::getuid() == 0 && ::setresuid(65534, 65534, 65534) != 0) ::_exit(1);
        kept k(tmp / "mail/supe.sqlite");
        ::setrlimit(RLIMIT_NPROC, &none);
        k.journal.put(mail_of(1, "1"));
        supe::dead_letter letter;
        letter.id = "letter";
        k.journal.keep(std::make_shared<supe::dead_letter>(letter));
        if (!k.wait_for(1) || k.refused != 1) ::_exit(2);
        if (k.error.find("no thread can be started") == std::string::npos) ::_exit(3);
        for (int i = 0; i < 5; ++i) k.journal.flush();  // reported once: a report leads to a flush
        k.loop.run_for(20ms);
        if (k.results != 1) ::_exit(6);
        ::setrlimit(RLIMIT_NPROC, &many);
        k.journal.put(mail_of(2, "2"));
        if (!k.wait_for(2) || k.written != 1 || !k.error.empty()) ::_exit(4);
        k.journal.close();
        const contents all = read(tmp / "mail/supe.sqlite");
        ::_exit(all.mails.size() == 1 && all.letters == words{"letter"} ? 0 : 5);
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    BOOST_TEST(WIFEXITED(status));
    BOOST_TEST(WEXITSTATUS(status) == 0);
}

// Much mail is read in parts, by count and by bytes. What is put between two of them is written
// when all is read.
BOOST_AUTO_TEST_CASE(read_in_parts) {
    const support::temporary_directory tmp;
    const auto file = tmp / "mail/supe.sqlite";
    constexpr unsigned most = supe::journal_file::part_rows;
    {
        kept k(file);
        for (unsigned i = 1; i <= most; ++i) k.journal.put(mail_of(i, "1"));
        for (unsigned i = 1; i <= 3; ++i)
            k.journal.put(mail_of(most + i, std::string(supe::journal_file::part_bytes / 2, 'x')));
        BOOST_TEST(k.wait_for(most + 3));
    }
    kept k(file);
    contents all;
    BOOST_TEST(!k.journal.restore_part(all).is_last);
    BOOST_TEST(all.mails.size() == most);
    k.journal.put(mail_of(most + 4, "late"));
    k.journal.flush();
    BOOST_TEST(!k.journal.restore_part(all).is_last);
    BOOST_TEST(all.mails.size() == most + 2);
    const supe::journal::part rest = k.journal.restore_part(all);
    BOOST_TEST((rest.is_last && rest.error.empty()));
    BOOST_TEST(all.mails.size() == most + 3);
    BOOST_TEST(k.wait_for(1));
    BOOST_TEST(k.written == 1u);
    k.journal.close();
    BOOST_TEST(read(file).mails.size() == most + 4);
}

// A mail never takes the place of another one: where its number is taken it is refused.
BOOST_AUTO_TEST_CASE(taken_number) {
    const support::temporary_directory tmp;
    const auto file = tmp / "mail/supe.sqlite";
    {
        kept k(file);
        k.journal.put(mail_of(1, "first"));
        BOOST_TEST(k.wait_for(1));
        k.journal.put(mail_of(1, "second"));
        BOOST_TEST(k.wait_for(2));
        BOOST_TEST(k.refused == 1u);
        BOOST_TEST(!k.error.empty());
        k.journal.put(mail_of(2, "third"));
        BOOST_TEST(k.wait_for(3));
        BOOST_TEST(k.written == 2u);
        k.journal.close();
    }
    const contents all = read(file);
    BOOST_REQUIRE(all.mails.size() == 2u);
    BOOST_TEST(all.mails[0].starts_with("id-1 first "));
}

// The supervisor ends between two parts: what became of the mail that was read is written, and the
// rest stays.
BOOST_AUTO_TEST_CASE(ends_between_parts) {
    const support::temporary_directory tmp;
    const auto file = tmp / "mail/supe.sqlite";
    constexpr unsigned most = supe::journal_file::part_rows;
    {
        kept k(file);
        for (unsigned i = 1; i <= most + 1; ++i) k.journal.put(mail_of(i, "1"));
        BOOST_TEST(k.wait_for(most + 1));
    }
    {
        kept k(file);
        contents all;
        BOOST_TEST(!k.journal.restore_part(all).is_last);
        k.journal.erase(1, {});
    }
    const contents left = read(file);
    BOOST_TEST(left.mails.size() == most);
    BOOST_TEST(left.mails.front().starts_with("id-2 "));
}

// After a large backlog the file becomes small again, step by step.
BOOST_AUTO_TEST_CASE(compacts) {
    const support::temporary_directory tmp;
    const auto file = tmp / "mail/supe.sqlite";
    kept k(file);
    const std::string body(10'000, 'x');
    for (unsigned i = 1; i <= 3000; ++i) k.journal.put(mail_of(i, body));
    BOOST_TEST(k.wait_for(3000));
    for (unsigned i = 1; i <= 3000; ++i) k.journal.erase(i, {});
    std::size_t n = 3000;
    const auto small = [&] {
        k.journal.put(mail_of(static_cast<unsigned>(++n), "1"));
        k.wait_for(n);
        return std::filesystem::file_size(file) < 10u << 20;
    };
    for (int tries = 0; tries < 100 && !small();) ++tries;
    BOOST_TEST(std::filesystem::file_size(file) < 10u << 20);
}

// On a full disk mail is refused with the reason, and no ack is lost meanwhile.
BOOST_AUTO_TEST_CASE(full_disk) {
    const support::temporary_directory tmp;
    const auto file = tmp / "mail/supe.sqlite";
    {
        kept k(file);
        k.journal.put(mail_of(1, "1"));
        k.journal.put(mail_of(2, "2"));
        BOOST_TEST(k.wait_for(2));
        std::signal(SIGXFSZ, SIG_IGN);
        rlimit before{};
        ::getrlimit(RLIMIT_FSIZE, &before);
        const rlimit tight{1 << 20, before.rlim_max};
        ::setrlimit(RLIMIT_FSIZE, &tight);
        k.journal.erase(1, {});
        k.journal.put(mail_of(3, std::string(8 << 20, '3')));
        BOOST_TEST(k.wait_for(3));
        BOOST_TEST(k.refused == 1u);
        BOOST_TEST(k.error.find("supe.sqlite: ") != std::string::npos, k.error);
        ::setrlimit(RLIMIT_FSIZE, &before);
        std::signal(SIGXFSZ, SIG_DFL);
        k.journal.put(mail_of(4, "4"));
        BOOST_TEST(k.wait_for(4));
        BOOST_TEST(k.error == "");
    }
    BOOST_TEST(read(file).mails == (words{"id-2 2 0 0 0", "id-4 4 0 0 0"}));
}

// A damaged file is reported, all mail is refused, and the file stays unchanged for a repair. It is
// read again; once that succeeds, mail is written, and what else was to be written meanwhile.
BOOST_AUTO_TEST_CASE(damaged_file) {
    const support::temporary_directory tmp;
    const auto file = tmp / "supe.sqlite";
    const std::string rubbish(10'000, 'r');
    std::ofstream(file) << rubbish;
    kept k(file);
    contents all;
    const std::string why = k.journal.restore(all);
    BOOST_TEST(why.find("supe.sqlite: ") != std::string::npos, why);
    k.journal.put(mail_of(1, "1"));
    BOOST_TEST(k.wait_for(1));
    BOOST_TEST(k.refused == 1u);
    BOOST_TEST(k.error == why);
    std::string now;
    std::getline(std::ifstream(file), now);
    BOOST_TEST((now == rubbish));
    BOOST_TEST(k.journal.restore(all) == why);
    supe::dead_letter letter;
    letter.id = "letter";
    k.journal.keep(std::make_shared<supe::dead_letter>(letter));
    std::filesystem::remove(file);
    BOOST_TEST(k.journal.restore(all) == "");
    k.journal.put(mail_of(2, "2"));
    BOOST_TEST(k.wait_for(2));
    BOOST_TEST(k.written == 1u);
    k.journal.close();
    BOOST_TEST(read(file).mails == (words{"id-2 2 0 0 0"}));
    BOOST_TEST(read(file).letters == words{"letter"});
}

BOOST_AUTO_TEST_SUITE_END()
