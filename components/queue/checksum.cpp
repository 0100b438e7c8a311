#include "components/queue/checksum.hpp"

#include <array>
#include <cstddef>

namespace components {
namespace {

constexpr std::uint32_t polynomial = 0x82f63b78;  // reflected
constexpr std::size_t crc_step = 8;               // bytes at once, each by a table of its own

using crc_table = std::array<std::uint32_t, 256>;

constexpr std::array<crc_table, crc_step> make_tables() {
    std::array<crc_table, crc_step> all{};
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
        std::uint32_t sum = byte;
        for (int bit = 0; bit < 8; ++bit) sum = sum >> 1 ^ ((sum & 1) != 0 ? polynomial : 0);
        all[0][byte] = sum;
    }
    for (std::size_t t = 1; t < crc_step; ++t)
        for (std::size_t byte = 0; byte < 256; ++byte)
            all[t][byte] = all[t - 1][byte] >> 8 ^ all[0][all[t - 1][byte] & 0xff];
    return all;
}

constexpr auto crc_tables = make_tables();

}  // namespace

std::uint32_t crc32c(std::string_view bytes, std::uint32_t before) {
    std::uint32_t sum = ~before;
    const auto* at = reinterpret_cast<const unsigned char*>(bytes.data());
    std::size_t left = bytes.size();
    for (; left >= crc_step; left -= crc_step, at += crc_step) {
        const std::uint32_t first = sum ^ (at[0] | std::uint32_t(at[1]) << 8 |
                                           std::uint32_t(at[2]) << 16 | std::uint32_t(at[3]) << 24);
        sum = crc_tables[7][first & 0xff] ^ crc_tables[6][first >> 8 & 0xff] ^
              crc_tables[5][first >> 16 & 0xff] ^ crc_tables[4][first >> 24] ^
              crc_tables[3][at[4]] ^ crc_tables[2][at[5]] ^ crc_tables[1][at[6]] ^
              crc_tables[0][at[7]];
    }
    for (; left > 0; --left, ++at) sum = sum >> 8 ^ crc_tables[0][(sum ^ *at) & 0xff];
    return ~sum;
}

}  // namespace components
