// Shows that what a connection lock had in use outlives its crash, in a file.
#include "components/connection_lock/lock_memory_file.hpp"
#include "tests/support/temporary_directory.hpp"

#include <sys/resource.h>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <fstream>

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

std::uintmax_t lines_of(const std::filesystem::path& file) {
    std::ifstream in(file);
    std::uintmax_t n = 0;
    for (std::string line; std::getline(in, line);) ++n;
    return n;
}

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
    for (int i = 0; i < 5000; ++i) {
        memory.note(second);
        memory.forget(second.name);
    }
    BOOST_TEST(lines_of(directory / "lock.open") < 1100u);
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
    const auto size = std::filesystem::file_size(file);
    rlimit before{};
    ::getrlimit(RLIMIT_FSIZE, &before);
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit small{size + 5, before.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
    memory.note(second);
    ::setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, handler);
    BOOST_TEST(found(file).find("1.5.1 1 5") != std::string::npos, found(file));
    memory.forget(first.name);
    BOOST_TEST(found(file) == "2.6.1 2 6 /dam/forwarder.1 4000 [fe80::1%eth0]:80; ");
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
    BOOST_TEST(lines_of(other) == 1u);
    BOOST_TEST(!std::filesystem::is_symlink(file));
    const auto mode = std::filesystem::status(file).permissions();
    BOOST_TEST(static_cast<unsigned>(mode) == 0600u);
}

BOOST_AUTO_TEST_SUITE_END()
