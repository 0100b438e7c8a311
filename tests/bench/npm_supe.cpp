#include "tests/bench/bench.hpp"
#include "tests/bench/mail_peers.hpp"

#include <fmt/format.h>
#include <csignal>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace bench {
namespace {

const std::filesystem::path scripts = SUPE_SOURCE_DIR "/tests/bench/node";
const std::filesystem::path pinned =
    SUPE_SOURCE_DIR "/tests/node";  // the version that the tests run too

std::string text_of(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

/// Installs what package-lock.json pins below the build directory, unless it is there. Returns its
/// node_modules.
std::filesystem::path installed_packages(const folder& where) {
    const auto directory = where.path().parent_path() / "node",
               modules = directory / "node_modules";
    constexpr const char* lock = "package-lock.json";
    // npm writes a list of its own to node_modules when it is done.
    if (exists(modules / ".package-lock.json") &&
        text_of(directory / lock) == text_of(pinned / lock))
        return modules;
    const std::string npm = installed("npm");
    if (npm.empty()) throw std::runtime_error("npm is missing");
    create_directories(directory);
    for (const char* file : {"package.json", lock})
        copy_file(pinned / file, directory / file,
                  std::filesystem::copy_options::overwrite_existing);
    remove_all(modules);
    const program npm_ci(
        {npm, "ci", "--prefix", directory, "--ignore-scripts", "--no-audit", "--no-fund"},
        where / "npm.log");
    if (!npm_ci.succeeds()) throw std::runtime_error("npm ci failed");
    return modules;
}

}  // namespace

npm_supe::npm_supe(const folder& where) : moments_(where / "npm-supe.fifo") {
    const std::string node = installed("node");
    if (node.empty()) throw std::runtime_error("node is missing");
    const std::map<std::string, std::string> environment{
        {"BENCH_FIFO", moments_.path()},
        {"BENCH_MAILS", std::to_string(mails_at_once)},
        {"NODE_PATH", installed_packages(where)}};
    supervisor_.emplace(std::vector<std::string>{node, scripts / "supervisor.js"},
                        where / "npm-supe.log", environment);
    sender_ = moments_.next().pid;
}

double npm_supe::all_at_once() {
    ::kill(sender_, SIGUSR2);
    const auto begun = moments_.next().at_ns;
    return mails_at_once * 1e9 / static_cast<double>(moments_.next().at_ns - begun);
}

}  // namespace bench
