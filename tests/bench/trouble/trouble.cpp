// Children that do what would hold up a supervisor without a budget: for the benchmark `loop`.
//
//     pings            datagrams of 370 lines WATCHDOG=1, without an end
//     frames           frames of two bytes that are no message, without an end
//     lines            empty lines on stdout, without an end
//     left_behind      ends at once; a descendant in a session of its own writes frames on and on
//     sender N SIZE    N mails of SIZE bytes to `box`, with its window of unanswered ones
//     taker            takes mail and never acknowledges it
//     crasher FILE     takes no mail, and ends with exit code 1 when FILE exists
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

int channel() { return std::atoi(std::getenv("NODE_CHANNEL_FD")); }

void write_all(int fd, const std::string& text) {
    for (std::size_t at = 0; at < text.size();) {
        const ssize_t n = ::write(fd, text.data() + at, text.size() - at);
        if (n <= 0) ::_exit(0);
        at += static_cast<std::size_t>(n);
    }
}

std::string repeated(const std::string& text, int times) {
    std::string all;
    for (int n = 0; n < times; ++n) all += text;
    return all;
}

void send_datagrams(const std::string& text) {
    const std::string name = std::getenv("NOTIFY_SOCKET");
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    name.copy(to.sun_path, sizeof to.sun_path - 1);
    if (name[0] == '@') to.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    const int fd = ::socket(AF_UNIX, SOCK_DGRAM, 0);
    for (;;) ::sendto(fd, text.data(), text.size(), 0, reinterpret_cast<sockaddr*>(&to), size);
}

void write_for_ever(int fd, const std::string& text) {
    for (;;) write_all(fd, text);
}

void leave_one_behind() {
    if (::fork() != 0) {
        ::usleep(200'000);
        ::_exit(0);
    }
    ::setsid();
    write_for_ever(channel(), repeated("x\n", 10'000));
}

void send_mail(int count, int size) {
    const std::string mail = R"({"type":"mail","to":"box","msg":")" +
                             std::string(static_cast<std::size_t>(size), 'x') + "\"}\n";
    for (int n = 0; n < count; ++n) write_all(channel(), mail);
    write_all(1, "sent\n");
}

void crash_when(const char* file) {
    struct stat status{};
    while (::stat(file, &status) != 0) ::usleep(10'000);
    ::_exit(1);
}

}  // namespace

int main(int argc, char** argv) {
    const std::string mode = argc > 1 ? argv[1] : "";
    if (mode == "pings") send_datagrams(repeated("WATCHDOG=1\n", 370));
    if (mode == "frames") write_for_ever(channel(), repeated("x\n", 10'000));
    if (mode == "lines") write_for_ever(1, repeated("\n", 10'000));
    if (mode == "left_behind") leave_one_behind();
    if (mode == "sender" && argc > 3) send_mail(std::atoi(argv[2]), std::atoi(argv[3]));
    if (mode == "taker")
        write_all(channel(),
                  R"({"type":"signal","signal":"READY-TO-RECEIVE-MAIL","data":{"window":1024}})"
                  "\n");
    if (mode == "crasher" && argc > 2) crash_when(argv[2]);
    for (;;) ::pause();
}
