// Scripts that complete the command line in a shell, made from the description of the commands.
#pragma once

#include "components/command_line/command.hpp"

#include <string>

namespace components {

/// For `eval "$(supe completion bash)"`; children are completed by asking the running tree.
std::string bash_completion(const command& program);
/// The same for zsh.
std::string zsh_completion(const command& program);

/// What a mistyped command may have meant; empty where nothing is near.
std::string nearest_command(const command& program, const std::string& typed);

}  // namespace components
