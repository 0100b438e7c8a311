// Shows what is found in the write-ahead log of a SQLite file, and that a damaged one can be read
// to its end.
#include "supe/storage/write_ahead_log.hpp"
#include "supe/storage/sqlite_file.hpp"
#include "tests/support/files.hpp"
#include "tests/support/temporary_directory.hpp"

#include <boost/test/unit_test.hpp>

namespace {

constexpr std::size_t frame = 24 + 4096;

/// Ten transactions of one row each, whose process was killed.
struct scene {
    support::temporary_directory directory{support::in_memory()};
    std::filesystem::path file = directory / "a.db", log = directory / "a.db-wal";
    std::string bytes;  // of the log

    scene() {
        const supe::sqlite_format format{
            .schema = "CREATE TABLE IF NOT EXISTS things (n INTEGER PRIMARY KEY, text TEXT)",
            .of_new_file = "PRAGMA page_size = 4096"};
        std::filesystem::create_directory(directory / "alive");
        const auto alive = directory / "alive" / "a.db";
        supe::sqlite_file open(alive, format);
        for (int i = 0; i < 10; ++i) {
            open.begin();
            open.database().exec("INSERT INTO things (text) VALUES ('" + std::string(3000, 'x') +
                                 "')");
            open.commit();
        }
        bytes = support::read_file(alive.string() + "-wal");
        std::filesystem::copy_file(alive, file);
        put(bytes);
    }
    void put(const std::string& text) const { support::write_file(log, text); }
    void flip(std::size_t at) const {
        std::string changed = bytes;
        changed.at(at) = static_cast<char>(changed[at] ^ 1);
        put(changed);
    }
    int rows() const {
        return SQLite::Database(file.string(), SQLite::OPEN_READWRITE)
            .execAndGet("SELECT count(*) FROM things")
            .getInt();
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(write_ahead_log)

// None, an empty one, and one that is whole.
BOOST_AUTO_TEST_CASE(nothing_is_damaged) {
    const scene s;
    BOOST_TEST(!supe::check_log(s.directory / "other.db").is_damaged);
    const supe::log_state whole = supe::check_log(s.file);
    BOOST_TEST(whole.frames == s.bytes.size() / frame);
    BOOST_TEST(whole.frames > 15u);
    BOOST_TEST(whole.broken == 0u);
    BOOST_TEST(!whole.is_damaged);
    for (const std::string& text :
         {std::string(), std::string(32, '\0'), std::string(9000, '\0')}) {
        s.put(text);
        BOOST_TEST(supe::check_log(s.file).frames == 0u);
        BOOST_TEST(!supe::check_log(s.file).is_damaged);
    }
}

// What was cut off at the end, or is not whole there, was never confirmed.
BOOST_AUTO_TEST_CASE(the_end) {
    const scene s;
    s.put(s.bytes.substr(0, s.bytes.size() - 100));
    BOOST_TEST(!supe::check_log(s.file).is_damaged);
    s.flip(s.bytes.size() - 100);
    BOOST_TEST(supe::check_log(s.file).broken == s.bytes.size() / frame);
    BOOST_TEST(!supe::check_log(s.file).is_damaged);
    supe::accept_damaged_log(s.file);
    BOOST_TEST(s.rows() == 9);
}

// A changed byte in the middle hides all that comes behind it, until the log is accepted as it is:
// in a page, in the header of a frame, and in what says to which log the frame belongs.
BOOST_AUTO_TEST_CASE(the_middle) {
    for (const std::size_t at : {32 + 7 * frame + 24 + 2000, 32 + 7 * frame + 3, 32 + 7 * frame + 9,
                                 32 + 7 * frame + 17}) {
        const scene s;
        s.flip(at);
        const supe::log_state found = supe::check_log(s.file);
        BOOST_TEST(found.broken >= 8u);
        BOOST_TEST(found.broken <= 9u);
        BOOST_TEST(found.is_damaged);
        supe::accept_damaged_log(s.file);
        BOOST_TEST(supe::check_log(s.file).broken == 0u);
        BOOST_TEST(supe::check_log(s.file).frames == s.bytes.size() / frame);
        if (at > 32 + 8 * frame - 4000) BOOST_TEST(s.rows() == 10);
    }
    const scene lost;
    lost.flip(32 + 7 * frame + 24 + 2000);
    BOOST_TEST(lost.rows() < 5);  // as SQLite reads it
}

// Without its header nothing of it can be read.
BOOST_AUTO_TEST_CASE(the_header) {
    const scene s;
    for (const std::size_t at : {1u, 9u, 17u, 25u}) {
        s.flip(at);
        BOOST_TEST(supe::check_log(s.file).is_damaged);
        supe::accept_damaged_log(s.file);
    }
}

// It is the same log, byte for byte.
BOOST_AUTO_TEST_CASE(written_again) {
    const scene s;
    supe::write_log_again(s.file);
    BOOST_TEST((support::read_file(s.log) == s.bytes));
    BOOST_TEST(s.rows() == 10);
    supe::write_log_again(s.directory / "other.db");
    BOOST_TEST(!std::filesystem::exists(s.directory / "other.db-wal"));
}

// A damaged one keeps the file from being opened; the reason says which frame.
BOOST_AUTO_TEST_CASE(a_file_with_a_damaged_log) {
    const scene s;
    s.flip(32 + 7 * frame + 24 + 2000);
    try {
        supe::sqlite_file opened(s.file, {});
        BOOST_FAIL("opened");
    } catch (const supe::sqlite_error& e) {
        BOOST_TEST(e.damaged());
        BOOST_TEST(std::string(e.what()).find("its write-ahead log is damaged in frame 8 of ") !=
                       std::string::npos,
                   e.what());
    }
}

BOOST_AUTO_TEST_SUITE_END()
