#include "supe/text/large_json.hpp"

#include <malloc.h>

namespace supe {
namespace {

constexpr std::size_t large = 64u << 10;

}  // namespace

void give_back_after_json(std::size_t bytes) {
    if (bytes >= large) ::malloc_trim(0);
}

}  // namespace supe
