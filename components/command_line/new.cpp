// `supe new`: a project of one's own to begin with.
#include "components/command_line/commands.hpp"
#include "components/command_line/new_project.hpp"
#include "components/command_line/printing.hpp"

#include <memory>
#include <stdexcept>

namespace components {
namespace {

exit_code begin_project(const std::string& name) {
    if (const std::string wrong = objection_to_project(name); !wrong.empty()) {
        complain("\"{}\": {}", name, wrong);
        return exit_code::bad_usage;
    }
    try {
        write_project(name, project_files(name));
    } catch (const std::exception& e) {
        complain("{}", e.what());
        return exit_code::failed;
    }
    print_line(
        fmt::format("{0} is written. {0}/README.md says how to build, test and run it.", name));
    return exit_code::done;
}

}  // namespace

command new_command() {
    auto name = std::make_shared<std::string>();
    command c{.name = "new",
              .help = "writes a project: a component in C++ with its tree and test",
              .group = "Run"};
    c.parameters = {{.name = "NAME",
                     .into = name.get(),
                     .help = "of the project, and of its folder, which is made here",
                     .needed = parameter::presence::required}};
    c.footer =
        "The project needs CMake and the installed library (cmake --install). A folder that is not "
        "empty is refused.\n\nExample:\n  supe new shop";
    c.perform = [name] { return begin_project(*name); };
    return c;
}

}  // namespace components
