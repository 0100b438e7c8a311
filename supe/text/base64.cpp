#include "supe/text/base64.hpp"

#include <openssl/evp.h>
#include <algorithm>
#include <array>

namespace supe {
namespace {

/// OpenSSL passes over blanks, and over a `=` in the middle.
constexpr std::array<bool, 256> make_alphabet() {
    std::array<bool, 256> known{};
    for (const unsigned char c :
         std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"))
        known[c] = true;
    return known;
}
constexpr std::array<bool, 256> alphabet = make_alphabet();

}  // namespace

void append_base64(std::string& out, std::string_view bytes) {
    const std::size_t at = out.size();
    out.resize(at + 4 * ((bytes.size() + 2) / 3) + 1);  // EVP_EncodeBlock ends with a NUL
    const int n = ::EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data() + at),
                                    reinterpret_cast<const unsigned char*>(bytes.data()),
                                    static_cast<int>(bytes.size()));
    out.resize(at + static_cast<std::size_t>(n));
}

std::optional<std::string> from_base64(std::string_view text) {
    const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
    const auto is_digit = [](char c) { return alphabet[static_cast<unsigned char>(c)]; };
    if (text.size() % 4 != 0 ||
        !std::ranges::all_of(text.substr(0, text.size() - padding), is_digit))
        return std::nullopt;
    std::string out(text.size() / 4 * 3, '\0');
    if (::EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                          reinterpret_cast<const unsigned char*>(text.data()),
                          static_cast<int>(text.size())) < 0)
        return std::nullopt;
    out.resize(out.size() - padding);  // decoded as zeros
    return out;
}

}  // namespace supe
