#include "tests/bench/mail_peers.hpp"
#include "tests/bench/node_packages.hpp"

#include <csignal>

namespace bench {

npm_supe::npm_supe(const folder& where) : moments_(where / "npm-supe.fifo") {
    const std::map<std::string, std::string> environment{
        {"BENCH_FIFO", moments_.path()},
        {"BENCH_MAILS", std::to_string(mails_at_once)},
        {"NODE_PATH", node_packages(where)}};
    supervisor_.emplace(node_command("supervisor.js"), where / "npm-supe.log", environment);
    sender_ = moments_.next().pid;
}

double npm_supe::all_at_once() {
    ::kill(sender_, SIGUSR2);
    const auto begun = moments_.next().at_ns;
    return mails_at_once * 1e9 / static_cast<double>(moments_.next().at_ns - begun);
}

}  // namespace bench
