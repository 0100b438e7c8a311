#include "tests/bench/mail_peers.hpp"

#include <unistd.h>
#include <algorithm>
#include <csignal>
#include <stdexcept>

namespace bench {

rabbitmq::rabbitmq(const folder& where) : moments_(where / "rabbitmq.fifo") {
    const std::string client = child_program("bench_rabbitmq");
    if (::access(client.c_str(), X_OK) != 0) throw std::runtime_error("librabbitmq-dev is missing");
    server_.emplace(where);
    const std::string port = std::to_string(server_->port());
    const auto log = where / "rabbitmq_client.log";
    const std::map<std::string, std::string> fifo{{"BENCH_FIFO", moments_.path()}};
    consumer_.emplace(std::vector<std::string>{client, "consumer", port}, log, fifo);
    moments_.next();
    publisher_.emplace(
        std::vector<std::string>{client, "publisher", port, std::to_string(mails_at_once)}, log,
        fifo);
    moments_.next();
}

double rabbitmq::all_at_once() {
    ::kill(publisher_->pid(), SIGUSR2);
    const auto begun = moments_.next().at_ns;
    const auto one = moments_.next().at_ns, other = moments_.next().at_ns;
    return mails_at_once * 1e9 / static_cast<double>(std::max(one, other) - begun);
}

}  // namespace bench
