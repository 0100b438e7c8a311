#include "supe/storage/proc_text.hpp"

#include "supe/storage/file_text.hpp"

namespace supe {

std::string proc_text(const std::string& file) {
    constexpr std::size_t limit = 64u << 20;  // more than the kernel has of any process
    return read_file(file, limit, file_kind::regular).text;
}

}  // namespace supe
