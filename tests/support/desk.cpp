#include "tests/support/desk.hpp"

#include "tests/support/files.hpp"

#include <boost/json/parse.hpp>

namespace support {

command_setup desk::setup(std::vector<std::string> words) const {
    command_setup s;
    s.words.emplace_back(SUPE_BINARY);
    for (std::string& word : words) s.words.push_back(std::move(word));
    s.variables = {{"XDG_STATE_HOME", file("home")}, {"STATE_DIRECTORY", ""}, {"PORT", ""}, {"NO_COLOR", ""}};
    return s;
}

result desk::supe(std::vector<std::string> words, std::string input) const {
    command_setup s = setup(std::move(words));
    s.input = std::move(input);
    return run(std::move(s));
}

result desk::ask(std::vector<std::string> words) const {
    words.push_back("--state");
    words.push_back(state());
    return supe(std::move(words));
}

std::unique_ptr<command> desk::begin(std::vector<std::string> words, int out) const {
    command_setup s = setup(std::move(words));
    s.out = out;
    return std::make_unique<command>(std::move(s));
}

std::unique_ptr<command> desk::run_tree(const std::string& tree, std::vector<std::string> more, int out) const {
    std::vector<std::string> words{"run", write_file(file("tree.json"), tree), "--state", state()};
    words.insert(words.end(), more.begin(), more.end());
    auto running = begin(std::move(words), out);
    until([&] { return is_up() || running->has_ended(); });
    return running;
}

bool desk::is_up() const {
    const auto root = status();
    return root.is_object() && root.at("state") == "running";
}

boost::json::value desk::status(const std::string& address) const {
    const result r = ask({"status", address, "--json"});
    return r.code == 0 ? boost::json::parse(r.out) : boost::json::value(nullptr);
}

bool desk::reaches(const std::string& address, const std::string& state) const {
    return until([&] {
        const auto node = status(address);
        return node.is_object() && node.at("state").as_string() == state.c_str();
    });
}

pid_t desk::pid_of(const std::string& address) const {
    const auto node = status(address);
    return node.is_object() && node.at("pid").is_int64() ? static_cast<pid_t>(node.at("pid").get_int64()) : 0;
}

}  // namespace support
