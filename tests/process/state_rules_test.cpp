// Who may have a say in a state directory: nobody but its user, and no symbolic link (contract §1).
#include "supe/output/log_files.hpp"
#include "supe/storage/private_files.hpp"
#include "supe/storage/sqlite_file.hpp"
#include "tests/support/files.hpp"
#include "tests/support/operator_session.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>

namespace fs = std::filesystem;
using support::operator_session;

namespace {

const std::string idle = R"({"name": "t", "children": []})";

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

/// What `supe run` on this session's state directory says, where it is refused.
std::string refusal(const operator_session& d) {
    support::write_file(d.file("tree.json"), idle);
    const auto run = d.supe({"run", d.file("tree.json"), "--state", d.state()});
    BOOST_TEST(run.code == 2, run.err);
    return run.err;
}

void stop(support::command& root) {
    root.signal(SIGTERM);
    BOOST_TEST(root.wait() == 0);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(state_rules)

// A directory that others can write to is refused, with the way out; the sticky bit helps nothing,
// since others could still make files there.
BOOST_AUTO_TEST_CASE(others_can_write) {
    const operator_session d;
    fs::create_directory(d.state());
    for (const mode_t mode : {0770, 0707, 01777}) {
        BOOST_TEST(::chmod(d.state().c_str(), mode) == 0);
        BOOST_TEST(has(
            refusal(d),
            fmt::format("others can write to it (mode {:04o}): chmod go-w {}", mode, d.state())));
    }
    BOOST_TEST(fs::is_empty(d.state()));
    BOOST_TEST(::chmod(d.state().c_str(), 0755) == 0);
    stop(*d.run_tree(idle));
}

// A directory of another user is refused.
BOOST_AUTO_TEST_CASE(of_another_user) {
    const operator_session d;
    fs::create_directory(d.state());
    if (::chown(d.state().c_str(), 65534, 65534) != 0) return;  // only root can give it away
    BOOST_TEST(has(refusal(d), "it belongs to another user (uid 65534, and this is 0)"));
}

// The locks are never opened through a link: what it leads to is not touched. The directory itself
// may be a link.
BOOST_AUTO_TEST_CASE(linked_locks) {
    for (const char* const name : {"root.lock", "processes.lock"}) {
        const operator_session d;
        ::mkdir(d.state().c_str(), 0700);
        const std::string target = support::write_file(d.file("precious"), "precious\n");
        fs::create_symlink(target, d.state() + "/" + name);
        BOOST_TEST(has(refusal(d), fmt::format("{}: it is a symbolic link", name)));
        BOOST_TEST(support::read_file(target) == "precious\n");
    }
    const operator_session d;
    ::mkdir(d.file("elsewhere").c_str(), 0700);
    fs::create_directory_symlink(d.file("elsewhere"), d.state());
    stop(*d.run_tree(idle));
}

// Output is not kept through a link, and the log says so; nothing else is kept there either.
BOOST_AUTO_TEST_CASE(linked_logs) {
    const operator_session d;
    ::mkdir(d.state().c_str(), 0700);
    ::mkdir(d.file("elsewhere").c_str(), 0700);
    fs::create_directory_symlink(d.file("elsewhere"), d.state() + "/logs");
    const auto root = d.run_tree(idle);
    stop(*root);
    BOOST_TEST(has(root->err(), "the output is not kept: "), root->err());
    BOOST_TEST(has(root->err(), "/logs: it is a symbolic link"), root->err());
    BOOST_TEST(fs::is_empty(d.file("elsewhere")));

    const support::temporary_directory tmp;
    const std::string target = support::write_file(tmp / "precious", "precious\n");
    fs::create_symlink(target, tmp / "output.00000001.jsonl");
    supe::log_writer files(tmp.path());
    BOOST_TEST(has(files.problem(), "output.00000001.jsonl: it is a symbolic link"));
    files.write("2026-01-31T12:00:00.000Z", "/a", supe::stream::out, "x");
    files.flush();
    BOOST_TEST(support::read_file(target) == "precious\n");
    BOOST_TEST(!supe::log_reader(tmp.path()).next());
}

// Neither a database nor what SQLite keeps beside it is opened through a link, nor its directory.
BOOST_AUTO_TEST_CASE(linked_databases) {
    supe::sqlite_format format;
    format.schema = "CREATE TABLE IF NOT EXISTS t (n INTEGER)";
    format.in = supe::sqlite_format::directory::made;
    for (const char* const name : {"a.db", "a.db-wal", "a.db-shm"}) {
        const support::temporary_directory tmp;
        const std::string target = support::write_file(tmp / "precious", "");
        ::mkdir((tmp / "mail").c_str(), 0700);
        fs::create_symlink(target, tmp.path() / "mail" / name);
        BOOST_CHECK_EXCEPTION(
            supe::sqlite_file(tmp.path() / "mail/a.db", format), supe::sqlite_error,
            [](const supe::sqlite_error& e) { return has(e.what(), "it is a symbolic link"); });
        BOOST_TEST(support::read_file(target).empty());
    }
    const support::temporary_directory tmp;
    ::mkdir((tmp / "elsewhere").c_str(), 0700);
    fs::create_directory_symlink(tmp / "elsewhere", tmp / "mail");
    BOOST_CHECK_THROW(supe::sqlite_file(tmp.path() / "mail/a.db", format), supe::sqlite_error);
    BOOST_TEST(fs::is_empty(tmp / "elsewhere"));
}

// Whatever the umask, files and directories are for their user, and for nobody else.
BOOST_AUTO_TEST_CASE(modes) {
    for (const mode_t mask : {0000, 0777}) {
        const support::temporary_directory tmp;
        const mode_t before = ::umask(mask);
        const auto directory = tmp.path() / "made";
        const std::string refused = supe::make_private_directory(directory);
        const supe::unique_fd file = supe::open_private(directory / "file", O_RDWR | O_CREAT);
        supe::sqlite_format format;
        format.schema = "CREATE TABLE IF NOT EXISTS t (n INTEGER)";
        { const supe::sqlite_file database(directory / "a.db", format); }
        const supe::log_writer logs(directory / "logs");
        ::umask(before);
        BOOST_TEST(refused == "");
        for (const auto& [name, mode] : std::vector<std::pair<fs::path, mode_t>>{
                 {directory, 0700},
                 {directory / "file", 0600},
                 {directory / "a.db", 0600},
                 {directory / "logs", 0700},
                 {directory / "logs/output.00000001.jsonl", 0600}}) {
            struct stat about{};
            BOOST_REQUIRE(::stat(name.c_str(), &about) == 0);
            BOOST_TEST((about.st_mode & 0777) == mode, name);
        }
    }
}

// All that a tree leaves in its state directory, with a umask that gives everything away.
BOOST_AUTO_TEST_CASE(modes_of_a_tree) {
    const operator_session d;
    const mode_t before = ::umask(0);
    const auto root = d.run_tree(
        R"({"name": "t", "mail": {"journal": true}, "children": [
            {"name": "a", "max_restarts": 1, "command":
                ["sh", "-c", "while ! test -e go; do sleep 0.02; done; exit 1"]},
            {"name": "b", "command": ["sleep", "1000"]}]})");
    ::umask(before);
    BOOST_TEST(d.ask({"mail", "a", "1"}).code == 0);
    BOOST_TEST(d.ask({"mail", "b", "1"}).code == 0);
    BOOST_TEST(d.ask({"remove", "b"}).code == 0);
    support::write_file(d.file("go"), "");
    BOOST_TEST(support::until([&] { return fs::exists(d.state() + "/mailboxes/a.1.jsonl"); }));
    std::size_t seen = 0;
    for (const auto& entry : fs::recursive_directory_iterator(d.state())) {
        struct stat about{};
        BOOST_REQUIRE(::lstat(entry.path().c_str(), &about) == 0);
        BOOST_TEST((about.st_mode & 0077) == 0u, entry.path());
        ++seen;
    }
    BOOST_TEST(seen >= 9u);
    stop(*root);
}

BOOST_AUTO_TEST_SUITE_END()
