#include "tests/support/operator_session.hpp"

#include "tests/support/files.hpp"

#include <boost/json/parse.hpp>

namespace support {

command_setup operator_session::setup(std::vector<std::string> words) const {
    command_setup s;
    s.words.emplace_back(SUPE_BINARY);
    for (std::string& word : words) s.words.push_back(std::move(word));
    s.variables = {
        {"XDG_STATE_HOME", file("home")}, {"STATE_DIRECTORY", ""}, {"PORT", ""}, {"NO_COLOR", ""}};
    return s;
}

result operator_session::supe(std::vector<std::string> words, std::string input) const {
    command_setup s = setup(std::move(words));
    s.input = std::move(input);
    return run(std::move(s));
}

result operator_session::ask(std::vector<std::string> words) const {
    words.push_back("--state");
    words.push_back(state());
    return supe(std::move(words));
}

std::unique_ptr<command> operator_session::begin(std::vector<std::string> words, int out) const {
    command_setup s = setup(std::move(words));
    s.out = out;
    return std::make_unique<command>(std::move(s));
}

std::unique_ptr<command> operator_session::run_tree(const std::string& tree,
                                                    std::vector<std::string> more, int out) const {
    std::vector<std::string> words{"run", write_file(file("tree.json"), tree), "--state", state()};
    words.insert(words.end(), more.begin(), more.end());
    auto running = begin(std::move(words), out);
    until([&] { return is_up() || running->has_ended(); });
    return running;
}

bool operator_session::is_up() const {
    const auto root = status();
    return root.is_object() && root.at("state") == "running";
}

boost::json::value operator_session::status(const std::string& address) const {
    const result r = ask({"status", address, "--json"});
    return r.code == 0 ? boost::json::parse(r.out) : boost::json::value(nullptr);
}

bool operator_session::reaches(const std::string& address, const std::string& state) const {
    return until([&] {
        const auto node = status(address);
        return node.is_object() && node.at("state").as_string() == state.c_str();
    });
}

pid_t operator_session::pid_of(const std::string& address) const {
    const auto node = status(address);
    return node.is_object() && node.at("pid").is_int64()
               ? static_cast<pid_t>(node.at("pid").get_int64())
               : 0;
}

}  // namespace support
