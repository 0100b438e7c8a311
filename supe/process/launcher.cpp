#include "supe/process/launcher.hpp"

namespace supe {

void launch_request::set_variable(const std::string& key, const std::string& value) {
    std::erase_if(environment, [&](const std::string& v) { return v.starts_with(key + "="); });
    environment.push_back(key + "=" + value);
}

}  // namespace supe
