// The children of process tests, in the test's own binary: SUPE_TEST_ROLE chooses one, before main.
#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

namespace {

void say(const std::string& line) {
    std::puts(line.c_str());
    std::fflush(stdout);
}

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

void send_frame(const std::string& json) {
    const std::string frame = json + "\n";
    if (::write(std::atoi(variable("NODE_CHANNEL_FD").c_str()), frame.data(), frame.size()) < 0)
        ::_exit(3);
}

void notify(const std::string& text) {
    const std::string name = variable("NOTIFY_SOCKET");
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    name.copy(to.sun_path, sizeof to.sun_path - 1);
    if (name.starts_with('@')) to.sun_path[0] = '\0';
    const int fd = ::socket(AF_UNIX, SOCK_DGRAM, 0);
    ::sendto(fd, text.data(), text.size(), 0, reinterpret_cast<sockaddr*>(&to),
             static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size()));
    ::close(fd);
}

[[noreturn]] void wait_for_ever() {
    for (;;) ::pause();
}

/// Ignores all signals that can be ignored.
void stubborn() {
    for (int number = 1; number < NSIG; ++number) std::signal(number, SIG_IGN);
    ::close(std::atoi(variable("NODE_CHANNEL_FD").c_str()));
    say("up");
    wait_for_ever();
}

/// Sends a frame, then prints each frame and each SIGTERM that it gets, and ends only by SIGKILL.
void listener() {
    std::signal(SIGTERM, [](int) { [[maybe_unused]] const auto n = ::write(1, "SIGTERM\n", 8); });
    if (variable("SUPE_TEST_MUTE").empty())
        send_frame(R"({"type":"signal","signal":"COMPONENT-READY"})");
    say("up");
    FILE* channel = ::fdopen(std::atoi(variable("NODE_CHANNEL_FD").c_str()), "r");
    char line[1000];
    while (std::fgets(line, sizeof line, channel)) {
        line[std::strcspn(line, "\n")] = 0;
        say(line);
    }
    wait_for_ever();
}

/// Sends COMPONENT-READY as its last words, and ends.
void ready_and_gone() {
    send_frame(R"({"type":"signal","signal":"COMPONENT-READY"})");
    std::exit(0);
}

/// As a service of systemd: pings until its command file has `hang` or `stop`.
void service() {
    notify("STATUS=warming up");
    say("NOTIFY_SOCKET " + variable("NOTIFY_SOCKET").substr(0, 1) + ", WATCHDOG_USEC " +
        variable("WATCHDOG_USEC") +
        (variable("WATCHDOG_PID") == std::to_string(::getpid()) ? ", WATCHDOG_PID mine"
                                                                : ", WATCHDOG_PID not mine"));
    notify("READY=1\nSTATUS=serving\xff\nMAINPID=1");
    for (int pings = 0; variable("SUPE_TEST_PINGS").empty() ||
                        pings < std::atoi(variable("SUPE_TEST_PINGS").c_str());
         ++pings) {
        notify("WATCHDOG=1");
        ::usleep(50'000);
    }
    say("silent");
    wait_for_ever();
}

/// Sends two datagrams that are too long, and then that it is ready.
void talkative() {
    for (int n = 0; n < 2; ++n) notify("READY=1\nSTATUS=" + std::string(5000, 'x'));
    notify("READY=1\nSTATUS=short");
    wait_for_ever();
}

/// Sends large datagrams of pings as fast as it can, without an end.
void pings_without_end() {
    notify("READY=1");
    std::string pings;
    for (int n = 0; n < 370; ++n) pings += "WATCHDOG=1\n";
    for (;;) notify(pings);
}

/// Answers each connection on its listening socket with its pid.
void acceptor() {
    if (variable("LISTEN_PID") != std::to_string(::getpid())) ::_exit(4);
    say("LISTEN_FDS " + variable("LISTEN_FDS") + ", LISTEN_FDNAMES " + variable("LISTEN_FDNAMES") +
        ", channel " + variable("NODE_CHANNEL_FD"));
    const std::string answer = std::to_string(::getpid()) + "\n";
    for (;;) {
        const int fd = ::accept(3, nullptr, nullptr);
        if (fd < 0) continue;
        char request[100];
        if (::read(fd, request, sizeof request) > 0 &&
            ::write(fd, answer.data(), answer.size()) < 0)
            ::close(fd);
        ::close(fd);
    }
}

/// Prints its arguments, environment and descriptors.
void inventory() {
    std::string open;
    for (int fd = 0; fd < 200; ++fd)
        if (::fcntl(fd, F_GETFD) >= 0) open += " " + std::to_string(fd);
    say("descriptors" + open);
    say(std::string("group ") + (::getpgrp() == ::getpid() ? "own" : "other"));
    say(std::string("session ") + (::getsid(0) == ::getpid() ? "own" : "other"));
    struct sigaction action{};
    ::sigaction(SIGPIPE, nullptr, &action);
    sigset_t blocked;
    ::sigprocmask(SIG_BLOCK, nullptr, &blocked);
    say(std::string("signals ") + (action.sa_handler == SIG_DFL && !::sigismember(&blocked, SIGCHLD)
                                       ? "default"
                                       : "changed"));
}

const int chosen = [] {
    const std::map<std::string, void (*)()> roles{{"stubborn", stubborn},
                                                  {"listener", listener},
                                                  {"service", service},
                                                  {"ready_and_gone", ready_and_gone},
                                                  {"pings_without_end", pings_without_end},
                                                  {"talkative", talkative},
                                                  {"acceptor", acceptor},
                                                  {"inventory", inventory},
                                                  {"idle", [] {
                                                       say("up");
                                                       wait_for_ever();
                                                   }}};
    const auto role = roles.find(variable("SUPE_TEST_ROLE"));
    if (role == roles.end()) return 0;
    role->second();
    std::exit(0);
}();

}  // namespace
