#include "tests/bench/rabbitmq_server.hpp"

#include "tests/bench/bench.hpp"

#include <fmt/format.h>
#include <unistd.h>
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

rabbitmq_server::rabbitmq_server(const folder& where) : port_(free_port()) {
    const std::string epmd = installed("epmd");
    if (::access(server_program, X_OK) != 0 || epmd.empty())
        throw std::runtime_error("rabbitmq-server is missing");
    const std::uint16_t names_port = free_port();
    const auto environment = environment_of(where, port_, names_port);
    const auto log = where / "rabbitmq.log";
    names_.emplace(std::vector<std::string>{epmd, "-port", std::to_string(names_port)}, log,
                   environment);
    wait_until([&] { return answers(names_port); }, "epmd does not start");
    runs_.emplace(std::vector<std::string>{server_program}, log, environment);
    wait_until([&] { return answers(port_) || !runs_->runs(); }, "its server does not start", 60);
    if (!runs_->runs()) throw std::runtime_error("its server ends at once");
}

}  // namespace bench
