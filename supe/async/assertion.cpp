#include "supe/async/assertion.hpp"

#include <cstdio>
#include <cstdlib>

namespace supe {

void assertion_failed(const char* condition, const char* file, int line) noexcept {
    std::fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, condition);
    std::abort();
}

}  // namespace supe
