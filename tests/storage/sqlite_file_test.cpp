// Shows how a SQLite file of ours is opened: its mode, its durability, its version, and its errors.
#include "supe/storage/sqlite_file.hpp"
#include "tests/support/temporary_directory.hpp"

#include <sys/stat.h>
#include <boost/test/unit_test.hpp>
#include <fstream>

namespace {

supe::sqlite_format things(int version = 0) {
    supe::sqlite_format f;
    f.schema = "CREATE TABLE IF NOT EXISTS things (n INTEGER PRIMARY KEY)";
    f.version = version;
    f.of_new_file = "PRAGMA page_size = 8192";
    f.pragmas = "PRAGMA wal_autocheckpoint = 7";
    return f;
}

std::string refusal(const std::filesystem::path& file) {
    try {
        supe::sqlite_file opened(file, things());
    } catch (const supe::sqlite_error& e) {
        const std::string why = e.what();
        BOOST_TEST(why.starts_with(file.string() + ": "), why);
        return why.substr(file.string().size() + 2);
    }
    return "opened";
}

mode_t mode_of(const std::filesystem::path& file) {
    struct stat found{};
    BOOST_REQUIRE(::stat(file.c_str(), &found) == 0);
    return found.st_mode & 0777;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(sqlite_file)

// The settings of every file, and those of its owner.
BOOST_AUTO_TEST_CASE(settings) {
    const support::temporary_directory tmp;
    supe::sqlite_file file(tmp / "a.db", things());
    const auto value = [&](const char* pragma) {
        return file.database().execAndGet(std::string("PRAGMA ") + pragma).getString();
    };
    BOOST_TEST(value("journal_mode") == "wal");
    BOOST_TEST(value("synchronous") == "2");  // FULL
    BOOST_TEST(value("secure_delete") == "0");
    BOOST_TEST(value("page_size") == "8192");
    BOOST_TEST(value("wal_autocheckpoint") == "7");
    BOOST_TEST(value("user_version") == "0");
    file.begin();
    file.database().exec("INSERT INTO things VALUES (1)");
    file.commit();
    for (const char* name : {"a.db", "a.db-wal", "a.db-shm"})
        BOOST_TEST(mode_of(tmp / name) == 0600u, name);
}

// A directory is created only when it belongs to the owner of the file.
BOOST_AUTO_TEST_CASE(directory) {
    const support::temporary_directory tmp;
    BOOST_TEST(refusal(tmp / "no/a.db") == "No such file or directory");
    auto own = things();
    own.in = supe::sqlite_format::directory::made;
    supe::sqlite_file file(tmp / "mail/deep/a.db", own);
    BOOST_TEST(mode_of(tmp / "mail/deep") == 0700u);
}

// A file of a newer version is refused and stays unchanged; an older one is taken over.
BOOST_AUTO_TEST_CASE(version) {
    const support::temporary_directory tmp;
    const auto path = tmp / "a.db";
    { supe::sqlite_file file(path, things(0)); }
    { supe::sqlite_file file(path, things(3)); }
    BOOST_TEST(refusal(path) ==
               "a newer version of this program wrote it (format 3, 0 is known here)");
    supe::sqlite_file file(path, things(3));
    BOOST_TEST(file.database().execAndGet("PRAGMA user_version").getInt() == 3);
}

BOOST_AUTO_TEST_CASE(no_database) {
    const support::temporary_directory tmp;
    std::ofstream(tmp / "a.db") << std::string(5000, 'x');
    BOOST_TEST(refusal(tmp / "a.db") == "file is not a database");
}

// A rollback drops a transaction, and so does the end.
BOOST_AUTO_TEST_CASE(transactions) {
    const support::temporary_directory tmp;
    const auto rows = [](supe::sqlite_file& file) {
        return file.database().execAndGet("SELECT count(*) FROM things").getInt();
    };
    {
        supe::sqlite_file file(tmp / "a.db", things());
        file.rollback();  // without a transaction it has no effect
        file.begin();
        file.database().exec("INSERT INTO things VALUES (1)");
        file.rollback();
        BOOST_TEST(rows(file) == 0);
        file.begin();
        file.database().exec("INSERT INTO things VALUES (2)");
        file.commit();
        file.begin();
        file.database().exec("INSERT INTO things VALUES (3)");
    }
    supe::sqlite_file again(tmp / "a.db", things());
    BOOST_TEST(rows(again) == 1);
    BOOST_CHECK_EXCEPTION(
        again.guarded([&] { again.database().exec("INSERT INTO things VALUES (2)"); }),
        supe::sqlite_error, [](const supe::sqlite_error& e) {
            return std::string(e.what()).find("a.db: UNIQUE constraint failed") !=
                   std::string::npos;
        });
}

// A path is no file: whether both are in place is known after each thing that may befall them, and
// what a log that was deleted holds can be brought into the file.
BOOST_AUTO_TEST_CASE(in_place) {
    const support::temporary_directory tmp;
    const auto path = tmp / "a.db", log = tmp / "a.db-wal", aside = tmp / "aside";
    supe::sqlite_file file(path, things());
    const auto is = [&](bool has_file, bool has_log) {
        return file.is_in_place() == has_file && file.has_log_in_place() == has_log;
    };
    BOOST_TEST(file.log_path() == log);
    BOOST_TEST(is(true, true));
    std::filesystem::rename(path, aside);
    BOOST_TEST(is(false, true));
    std::filesystem::copy_file(aside, path);
    BOOST_TEST(is(false, true));
    std::filesystem::rename(aside, path);
    BOOST_TEST(is(true, true));
    std::filesystem::remove(log);
    BOOST_TEST(is(true, false));
    file.database().exec("INSERT INTO things VALUES (1)");
    BOOST_TEST(file.empty_log());
    {
        SQLite::Database other((tmp / "a.db").string());
        BOOST_TEST(other.execAndGet("SELECT count(*) FROM things").getInt() == 1);
    }
    std::filesystem::remove(path);
    BOOST_TEST(is(false, false));
}

BOOST_AUTO_TEST_SUITE_END()
