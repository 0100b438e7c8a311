// CRC-32C (Castagnoli; RFC 3720 §12.1): finds each change of up to 32 bits in a row, and of any
// other change all but one in four billion.
#pragma once

#include <cstdint>
#include <string_view>

namespace components {

/// Of all bytes so far, where `before` is that of those before these.
std::uint32_t crc32c(std::string_view bytes, std::uint32_t before = 0);

}  // namespace components
