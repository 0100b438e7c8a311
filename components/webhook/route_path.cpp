#include "components/webhook/route_path.hpp"

namespace components {

std::optional<std::string> rest_behind(std::string_view path, std::string_view target) {
    if (path == "/") return std::string(target);
    if (!target.starts_with(path)) return std::nullopt;
    target.remove_prefix(path.size());
    if (target.starts_with('/')) return std::string(target);
    if (target.empty() || target.starts_with('?')) return "/" + std::string(target);
    return std::nullopt;
}

}  // namespace components
