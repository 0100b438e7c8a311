// Measures what doctor_judgement.hpp judges. Everything here blocks: for some seconds at most.
#pragma once

#include "components/command_line/doctor_judgement.hpp"

#include <filesystem>

namespace components {

/// Of this machine, and of the disk under `state`: files are written there and removed again. Where
/// the directory is missing, the nearest one above that is there is taken.
machine_measures measure_machine(const std::filesystem::path& state);

}  // namespace components
