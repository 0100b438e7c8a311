// Assertions for our own bugs, on in every build. What the world does wrong is an error code.
#pragma once

namespace supe {

/// Prints the condition and its place on stderr, and aborts.
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line) noexcept;

}  // namespace supe

/// A precondition or an invariant: cheap, without side effects.
#define SUPE_ASSERT(condition) \
    ((condition) ? void() : ::supe::assertion_failed(#condition, __FILE__, __LINE__))
