#include "tests/bench/node_packages.hpp"

#include <fstream>
#include <iterator>
#include <stdexcept>

namespace bench {
namespace {

const std::filesystem::path scripts = SUPE_SOURCE_DIR "/tests/bench/node";

std::string text_of(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

std::vector<std::string> node_command(const std::string& script,
                                      std::vector<std::string> arguments) {
    const std::string node = installed("node");
    if (node.empty()) throw std::runtime_error("node is missing");
    std::vector<std::string> command{node, scripts / script};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return command;
}

std::filesystem::path node_packages(const folder& where) {
    const auto directory = where.path().parent_path() / "node",
               modules = directory / "node_modules";
    constexpr const char* lock = "package-lock.json";
    // npm writes a list of its own to node_modules when it is done.
    if (exists(modules / ".package-lock.json") &&
        text_of(directory / lock) == text_of(scripts / lock))
        return modules;
    const std::string npm = installed("npm");
    if (npm.empty()) throw std::runtime_error("npm is missing");
    create_directories(directory);
    for (const char* file : {"package.json", lock})
        copy_file(scripts / file, directory / file,
                  std::filesystem::copy_options::overwrite_existing);
    remove_all(modules);
    const program npm_ci(
        {npm, "ci", "--prefix", directory, "--ignore-scripts", "--no-audit", "--no-fund"},
        where / "npm.log");
    if (!npm_ci.succeeds()) throw std::runtime_error("npm ci failed");
    return modules;
}

}  // namespace bench
