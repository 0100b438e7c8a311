#include "supe/component/own_channel.hpp"

#include <fcntl.h>
#include <charconv>
#include <cstdlib>
#include <string_view>

namespace supe {

unique_fd own_channel() {
    const char* value = std::getenv("NODE_CHANNEL_FD");
    const std::string_view text = value ? value : "";
    int fd = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), fd);
    const bool is_number = error == std::errc() && end == text.data() + text.size();
    if (!is_number || fd < 3 || ::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) return {};
    return unique_fd(fd);
}

}  // namespace supe
