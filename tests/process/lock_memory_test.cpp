// Shows that what a connection lock had in use outlives its crash, in a file.
#include "components/connection_lock/lock_memory_file.hpp"
#include "tests/support/temporary_directory.hpp"

#include <sys/resource.h>
#include <sys/stat.h>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <fstream>
#include <iterator>

using namespace std::chrono_literals;
using patterns::used_permit;

namespace {

const used_permit first{"1.5.1", {1, 5}, "/dam/forwarder", {"127.0.0.1:80", "[::1]:80"}, 0};
const used_permit second{"2.6.1", {2, 6}, "/dam/forwarder.1", {"[fe80::1%eth0]:80"}, 4000};

/// What a next life finds: each permit as `NAME PID STARTED ADDRESS PORT PEERS since MS`, by name.
std::string found(const std::filesystem::path& file, const std::string& boot = "") {
    const auto record = components::lock_memory_file(file, boot).unclean_end();
    if (!record) return "clean";
    std::string text = record->whole ? "" : "more ";
    for (const auto& peer : record->peers) text += peer + " ";
    for (const auto& [name, p] : record->permits) {
        text += name + " " + std::to_string(p.holder.pid) + " " + std::to_string(p.holder.started) +
                " " + p.address + " " + std::to_string(p.port);
        for (const auto& peer : p.peers) text += " " + peer;
        if (p.rests_since)
            text += " since " + std::to_string(p.rests_since->time_since_epoch() / 1ms);
        text += "; ";
    }
    return text;
}

/// Until the end of this object no file can grow beyond `size`, as on a full disk.
class size_limit {
public:
    explicit size_limit(std::uintmax_t size) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
        ::getrlimit(RLIMIT_FSIZE, &before_);
        const rlimit small{size, before_.rlim_max};
        ::setrlimit(RLIMIT_FSIZE, &small);
    }
    ~size_limit() {
        ::setrlimit(RLIMIT_FSIZE, &before_);
        std::signal(SIGXFSZ, handler_);
    }
    size_limit(const size_limit&) = delete;

private:
    void (*handler_)(int);
    rlimit before_{};
};

}  // namespace

BOOST_AUTO_TEST_SUITE(lock_memory)

// Each change is in the file at once; a clean end removes it.
BOOST_AUTO_TEST_CASE(outlives_a_crash) {
    const support::temporary_directory directory;
    const auto file = directory / "lock.open";
    BOOST_TEST(found(file) == "clean");
    components::lock_memory_file memory(file);
    memory.begin({});
    BOOST_TEST(found(file) == "");
    memory.note(first);
    memory.note(second);
    BOOST_TEST(found(file) ==
               "1.5.1 1 5 /dam/forwarder 0 127.0.0.1:80 [::1]:80; "
               "2.6.1 2 6 /dam/forwarder.1 4000 [fe80::1%eth0]:80; ");
    used_permit connected = first;
    connected.port = 77;
    connected.peers = {"[::1]:80"};
    connected.holder = {};
    connected.address.clear();
    memory.note(connected);
    memory.forget("2.6.1");
    BOOST_TEST(found(file) == "1.5.1 0 0  77 [::1]:80; ");
    components::lock_memory_file next(file);
    next.begin({second});
    BOOST_TEST(found(file) == "2.6.1 2 6 /dam/forwarder.1 4000 [fe80::1%eth0]:80; ");
    next.ended_cleanly();
    BOOST_TEST(found(file) == "clean");
}

// Since when a permit rests is in the file, rounded up to a millisecond. A line without that, or
// with nonsense there, is whole all the same.
BOOST_AUTO_TEST_CASE(since_when_it_rests) {
    const support::temporary_directory directory;
    const auto file = directory / "lock.open";
    components::lock_memory_file memory(file, "one-boot");
    used_permit resting = first;
    resting.peers.clear();
    resting.rests_since = supe::time_point(12345ms + 1ns);
    memory.begin({second});
    memory.note(resting);
    const std::string expected =
        "1.5.1 1 5 /dam/forwarder 0 since 12346; "
        "2.6.1 2 6 /dam/forwarder.1 4000 [fe80::1%eth0]:80; ";
    BOOST_TEST(found(file, "one-boot") == expected);
    memory.begin({second, resting});
    BOOST_TEST(found(file, "one-boot") == expected);
    for (const char* word :
         {"", " ", " -1", " x", " 9223372036854775807", " 99999999999999999999"}) {
        std::ofstream(file) << "supe-lock 2 one-boot\n+ 1.5.1 1 5 /a 7 a:80" << word << "\n";
        BOOST_TEST(found(file, "one-boot") == "1.5.1 1 5 /a 7 a:80; ", word);
    }
}

// However much happens, the file stays small.
BOOST_AUTO_TEST_CASE(stays_small) {
    const support::temporary_directory directory;
    components::lock_memory_file memory(directory / "lock.open");
    memory.begin({first});
    const auto size = std::filesystem::file_size(directory / "lock.open");
    for (int i = 0; i < 5000; ++i) {
        memory.note(second);
        memory.forget(second.name);
    }
    BOOST_TEST(std::filesystem::file_size(directory / "lock.open") == size);
    BOOST_TEST(found(directory / "lock.open").starts_with("1.5.1 1 5"));
}

// After a new boot no process and no socket of before is left. Of the format without a version, of
// a newer one, and of a damaged file, it is not known what was in use.
BOOST_AUTO_TEST_CASE(other_files) {
    const support::temporary_directory directory;
    const auto file = directory / "lock.open";
    components::lock_memory_file memory(file, "one-boot");
    memory.begin({first});
    BOOST_TEST(found(file, "one-boot").starts_with("1.5.1"));
    BOOST_TEST(found(file, "another") == "clean");
    for (const auto& [text, expected] :
         {std::pair{"127.0.0.1:80\n[::1]:80\n", "more 127.0.0.1:80 [::1]:80 "},
          {"", "more "},
          {"supe-lock 2 one-boot\n+ 1.5.1 1 5 /a 0 a:80\n+ 1.6", "more 1.5.1 1 5 /a 0 a:80; "},
          {"supe-lock 2 one-boot\n+ 1.5.1 1 5 /a 0 a:80\n+ 1.5.1 0 0 - 7 a:80 123",
           "more 1.5.1 1 5 /a 0 a:80; "},
          {"supe-lock 2 one-boot\n\n", "more "}}) {
        std::ofstream(file) << text;
        BOOST_TEST(found(file, "one-boot") == expected, text);
    }
}

// When it cannot be written, the earlier content stays; once it can, it is whole again.
BOOST_AUTO_TEST_CASE(a_full_disk) {
    const support::temporary_directory directory;
    const auto file = directory / "lock.open";
    components::lock_memory_file memory(file);
    memory.begin({first});
    {
        const size_limit nothing(4096);
        memory.note(second);
    }
    BOOST_TEST(found(file).find("1.5.1 1 5") != std::string::npos, found(file));
    memory.forget(first.name);
    BOOST_TEST(found(file) == "2.6.1 2 6 /dam/forwarder.1 4000 [fe80::1%eth0]:80; ");
}

// Its blocks are there from the start: a full disk hinders neither this life nor the next one.
BOOST_AUTO_TEST_CASE(blocks_of_its_own) {
    const support::temporary_directory directory;
    const auto file = directory / "lock.open";
    components::lock_memory_file memory(file);
    memory.begin({first});
    struct stat known{};
    ::stat(file.c_str(), &known);
    BOOST_TEST(known.st_blocks * 512 >= known.st_size);
    std::filesystem::create_directory(directory / "lock.open.new");  // no other file can be made
    for (int i = 0; i < 5000; ++i) {
        memory.note(second);
        if (i < 4999) memory.forget(second.name);
    }
    const std::string both =
        "1.5.1 1 5 /dam/forwarder 0 127.0.0.1:80 [::1]:80; "
        "2.6.1 2 6 /dam/forwarder.1 4000 [fe80::1%eth0]:80; ";
    BOOST_TEST(found(file) == both);
    components::lock_memory_file next(file);
    next.begin({first, second});
    next.forget(first.name);
    BOOST_TEST(found(file) == "2.6.1 2 6 /dam/forwarder.1 4000 [fe80::1%eth0]:80; ");
}

// More permits than the file has room for: it becomes larger.
BOOST_AUTO_TEST_CASE(many_permits) {
    const support::temporary_directory directory;
    const auto file = directory / "lock.open";
    components::lock_memory_file memory(file);
    memory.begin({});
    for (int i = 0; i < 3000; ++i) {
        used_permit p = first;
        p.name = std::to_string(i);
        memory.note(p);
    }
    const auto record = components::lock_memory_file(file).unclean_end();
    BOOST_REQUIRE(record);
    BOOST_TEST(record->whole);
    BOOST_TEST(record->permits.size() == 3000u);
}

// A kill in the middle of a line leaves those before it.
BOOST_AUTO_TEST_CASE(a_line_cut_short) {
    const support::temporary_directory directory;
    const auto file = directory / "lock.open";
    components::lock_memory_file memory(file);
    memory.begin({first});
    std::string content;
    {
        std::ifstream in(file);
        content.assign(std::istreambuf_iterator<char>(in), {});
    }
    const std::string cut = "+ 1.5.1 0";
    content.replace(content.find('\0', 4096), cut.size(), cut);
    std::ofstream(file) << content;
    BOOST_TEST(found(file) == "more 1.5.1 1 5 /dam/forwarder 0 127.0.0.1:80 [::1]:80; ");
}

// Where somebody deletes it under a running lock, or the directory of it, it is written again: with
// the next line, and without one when the lock looks for it. Before the lock has begun, and after
// its clean end, there is nothing to write.
BOOST_AUTO_TEST_CASE(deleted_under_the_lock) {
    const support::temporary_directory directory;
    const auto place = directory / "state", file = place / "lock.open";
    std::filesystem::create_directory(place);
    components::lock_memory_file memory(file);
    memory.keep_in_place();
    BOOST_TEST(found(file) == "clean");
    memory.begin({first});
    const std::string of_first = found(file);
    std::filesystem::remove(file);
    memory.note(second);
    BOOST_TEST(found(file).starts_with(of_first));
    const std::string of_both = found(file);
    std::filesystem::remove_all(place);
    memory.keep_in_place();
    BOOST_TEST(found(file) == "clean");
    std::filesystem::create_directory(place);
    memory.keep_in_place();
    BOOST_TEST(found(file) == of_both);
    std::filesystem::rename(file, place / "moved");
    memory.keep_in_place();
    BOOST_TEST(found(file) == of_both);
    memory.ended_cleanly();
    memory.keep_in_place();
    BOOST_TEST(found(file) == "clean");
}

// The file is for its user alone. One that is a link is none of ours: it is not read, and what it
// leads to is not touched.
BOOST_AUTO_TEST_CASE(private_file) {
    const support::temporary_directory directory;
    const auto file = directory / "lock.open", other = directory / "other";
    std::ofstream(other) << "other\n";
    std::filesystem::create_symlink(other, file);
    BOOST_TEST(found(file) == "more ");
    components::lock_memory_file memory(file);
    memory.begin({first});
    BOOST_TEST(std::filesystem::file_size(other) == 6u);
    BOOST_TEST(!std::filesystem::is_symlink(file));
    const auto mode = std::filesystem::status(file).permissions();
    BOOST_TEST(static_cast<unsigned>(mode) == 0600u);
}

BOOST_AUTO_TEST_SUITE_END()
