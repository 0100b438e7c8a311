// A command of the command line as plain data: parser.cpp parses by it and prints its help,
// completion.cpp makes shell scripts of it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace components {

/// What a command ends with (contract §6).
enum class exit_code { done = 0, failed = 1, bad_usage = 2, no_such = 3, timed_out = 4 };

struct whole_numbers {
    unsigned least;
    unsigned most;
};

/// One argument or option, and where its value goes. Texts must outlive it: literals.
struct parameter {
    using target = std::variant<bool*, std::string*, std::vector<std::string>*,
                                std::optional<std::string>*, std::optional<unsigned>*>;
    enum class presence { optional, required };

    const char* name;  ///< an argument: `ADDRESS`; an option: `--state`, or `-f,--follow`
    target into;       ///< a bool: a flag; a vector: any number of them
    const char* help;
    const char* placeholder = "";  ///< of an option's value in the help: `DIR`
    const char* choices = "";      ///< the words that are allowed: `bash,zsh`; empty: any
    whole_numbers within{};        ///< of a number
    std::string otherwise{};       ///< the default, for the help
    presence needed = presence::optional;
    const char* group = "";  ///< its heading in the help, where it is not the usual one

    bool is_option() const { return *name == '-'; }
    bool is_flag() const { return std::holds_alternative<bool*>(into); }
    bool takes_many() const { return std::holds_alternative<std::vector<std::string>*>(into); }
};

struct command {
    const char* name;
    const char* help;
    const char* group = "";  ///< its heading in the help of the command above; empty: not listed
    std::string footer{};
    std::vector<parameter> parameters{};
    std::vector<command> commands{};       ///< where there are any, one of them must be named
    std::function<exit_code()> perform{};  ///< after parsing
};

}  // namespace components
