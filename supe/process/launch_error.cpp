#include "supe/process/launch_error.hpp"

#include <cstring>

namespace supe {

launch_error launch_error::from_errno(int number, std::string_view what) {
    const char* name = ::strerrorname_np(number);
    return {name ? name : std::to_string(number), std::string(what) + ": " + std::strerror(number)};
}

}  // namespace supe
