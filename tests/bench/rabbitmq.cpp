#include "tests/bench/bench.hpp"
#include "tests/bench/mail_peers.hpp"

#include <fmt/format.h>
#include <unistd.h>
#include <algorithm>
#include <csignal>
#include <stdexcept>

namespace bench {
namespace {

/// Debian's server, without the wrapper in /usr/sbin, which requires root and becomes the user
/// `rabbitmq`.
constexpr const char* server_program = "/usr/lib/rabbitmq/bin/rabbitmq-server";

/// The environment of a server that shares nothing with another one on this machine: names, ports,
/// files and configuration are its own.
std::map<std::string, std::string> environment_of(const folder& where, std::uint16_t port,
                                                  std::uint16_t names_port) {
    const std::string home = where / "rabbitmq";
    std::filesystem::create_directory(home);
    return {
        {"HOME", home},  // for .erlang.cookie, which Erlang creates
        {"RABBITMQ_NODENAME", fmt::format("supe-bench-{}@localhost", ::getpid())},
        {"RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1"},
        {"RABBITMQ_NODE_PORT", std::to_string(port)},
        {"RABBITMQ_DIST_PORT", std::to_string(free_port())},
        {"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "-kernel inet_dist_use_interface {127,0,0,1}"},
        {"RABBITMQ_MNESIA_BASE", home + "/mnesia"},
        {"RABBITMQ_LOG_BASE", home + "/log"},
        {"RABBITMQ_CONFIG_FILE", home + "/rabbitmq.conf"},  // the file does not exist: the defaults
        {"RABBITMQ_ADVANCED_CONFIG_FILE", home + "/advanced.config"},
        {"RABBITMQ_CONF_ENV_FILE", home + "/rabbitmq-env.conf"},
        {"RABBITMQ_ENABLED_PLUGINS_FILE", home + "/enabled_plugins"},
        {"RUNNING_UNDER_SYSTEMD",
         "true"},  // the server replaces its start script, and so is our own child
        {"ERL_EPMD_PORT", std::to_string(names_port)},
        {"ERL_EPMD_ADDRESS", "127.0.0.1"},
    };
}

}  // namespace

rabbitmq::rabbitmq(const folder& where) : moments_(where / "rabbitmq.fifo") {
    const std::string client = child_program("bench_rabbitmq"), epmd = installed("epmd");
    if (::access(client.c_str(), X_OK) != 0) throw std::runtime_error("librabbitmq-dev is missing");
    if (::access(server_program, X_OK) != 0 || epmd.empty())
        throw std::runtime_error("rabbitmq-server is missing");
    const std::uint16_t port = free_port(), names_port = free_port();
    const auto environment = environment_of(where, port, names_port);
    const auto log = where / "rabbitmq.log";
    names_.emplace(std::vector<std::string>{epmd, "-port", std::to_string(names_port)}, log,
                   environment);
    wait_until([&] { return answers(names_port); }, "epmd does not start");
    server_.emplace(std::vector<std::string>{server_program}, log, environment);
    wait_until([&] { return answers(port) || !server_->runs(); }, "its server does not start", 60);
    if (!server_->runs()) throw std::runtime_error("its server ends at once");
    const std::map<std::string, std::string> fifo{{"BENCH_FIFO", moments_.path()}};
    consumer_.emplace(std::vector<std::string>{client, "consumer", std::to_string(port)}, log,
                      fifo);
    moments_.next();
    publisher_.emplace(std::vector<std::string>{client, "publisher", std::to_string(port),
                                                std::to_string(mails_at_once)},
                       log, fifo);
    moments_.next();
}

double rabbitmq::all_at_once() {
    ::kill(publisher_->pid(), SIGUSR2);
    const auto begun = moments_.next().at_ns;
    const auto one = moments_.next().at_ns, other = moments_.next().at_ns;
    return mails_at_once * 1e9 / static_cast<double>(std::max(one, other) - begun);
}

}  // namespace bench
