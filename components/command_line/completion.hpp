// Scripts that complete the command line in a shell. Made from the command line itself, so they
// never lag behind it.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace components {

/// For `eval "$(supe completion bash)"`; children are completed by asking the running tree.
std::string bash_completion(const CLI::App& app);
/// The same for zsh.
std::string zsh_completion(const CLI::App& app);

/// What a mistyped command may have meant; empty where nothing is near.
std::string nearest_command(const CLI::App& app, const std::string& typed);

}  // namespace components
