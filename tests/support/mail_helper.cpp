// The children of the mail tests, in the test's own binary, in plain blocking C++ after contract
// §2. SUPE_TEST_ROLE chooses one, before main. They write a line for each event to the file
// SUPE_TEST_LOG.
#include <fcntl.h>
#include <unistd.h>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>

namespace {

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}
int channel() { return std::atoi(variable("NODE_CHANNEL_FD").c_str()); }

void write_all(int fd, const std::string& text) {
    for (std::size_t done = 0; done < text.size();) {
        const ssize_t n = ::write(fd, text.data() + done, text.size() - done);
        if (n <= 0) ::_exit(0);  // the supervisor is gone
        done += static_cast<std::size_t>(n);
    }
}

/// Writes a line in one write, so that it is whole whenever a process is killed.
void note(const std::string& line) {
    static const int fd =
        ::open(variable("SUPE_TEST_LOG").c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    write_all(fd, line + "\n");
}

/// The string value of a key; sufficient for the frames of these tests.
std::string member(const std::string& frame, const std::string& key) {
    const std::string beginning = "\"" + key + "\":\"";
    const auto at = frame.find(beginning);
    if (at == frame.npos) return {};
    const auto begin = at + beginning.size();
    return frame.substr(begin, frame.find('"', begin) - begin);
}

template <class F>
void for_each_frame(F f) {
    FILE* const in = ::fdopen(::dup(channel()), "r");
    char* line = nullptr;
    std::size_t size = 0;
    for (ssize_t n; (n = ::getline(&line, &size, in)) > 0;)
        f(std::string(line, static_cast<std::size_t>(n)));
    ::_exit(0);
}

/// Notes the first word and the length of each mail, then acknowledges it.
void mail_recorder() {
    const long pause_us = std::atol(variable("SUPE_TEST_PAUSE_US").c_str());
    write_all(channel(), R"({"type":"signal","signal":"READY-TO-RECEIVE-MAIL","data":{"window":)" +
                             variable("SUPE_TEST_WINDOW") + "}}\n");
    for_each_frame([&](const std::string& frame) {
        if (frame.find(R"("type":"mail")") == frame.npos) return;
        const std::string text = member(frame, "msg");
        const bool first = frame.find(R"("attempt":1})") != frame.npos;
        note(text.substr(0, text.find(' ')) + " " + std::to_string(text.size()) +
             (first ? " first" : " again"));
        if (pause_us > 0) ::usleep(static_cast<unsigned>(pause_us));
        write_all(channel(), R"({"type":"signal","signal":"ACK-CURRENT-MAIL","data":{"ids":[")" +
                                 member(frame, "id") + "\"]}}\n");
    });
}

/// Sends SUPE_TEST_COUNT mails of SUPE_TEST_SIZE bytes, named LIFE-NUMBER, and notes the answers.
void mail_flooder() {
    const long count = std::atol(variable("SUPE_TEST_COUNT").c_str()),
               pause_us = std::atol(variable("SUPE_TEST_PAUSE_US").c_str());
    const std::string padding(
        static_cast<std::size_t>(std::atol(variable("SUPE_TEST_SIZE").c_str())), 'x');
    const auto life = std::chrono::steady_clock::now().time_since_epoch().count();
    std::thread sender([&] {
        for (long i = 1; i <= count; ++i) {
            const std::string name = std::to_string(life) + "-" + std::to_string(i);
            write_all(channel(), R"({"type":"mail","to":")" + variable("SUPE_TEST_TO") +
                                     R"(","id":")" + name + R"(","msg":")" + name + " " + padding +
                                     "\"}\n");
            if (pause_us > 0) ::usleep(static_cast<unsigned>(pause_us));
        }
        note("sent");
    });
    for_each_frame([](const std::string& frame) {
        const std::string signal = member(frame, "signal");
        if (signal == "MAIL-ACCEPTED") note("accepted " + member(frame, "id"));
        if (signal == "MAIL-UNDELIVERABLE")
            note(member(frame, "reason") + " " + member(frame, "id"));
        if (signal == "SUPE-SHUTDOWN") ::_exit(0);
    });
}

const int chosen = [] {
    if (variable("SUPE_TEST_ROLE") == "mail_recorder") mail_recorder();
    if (variable("SUPE_TEST_ROLE") == "mail_flooder") mail_flooder();
    return 0;
}();

}  // namespace
