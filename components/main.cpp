#include "components/command_line/command_line.hpp"

int main(int argc, char** argv) { return components::run_command_line(argc, argv); }
