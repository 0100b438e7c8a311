#include "components/http/pem.hpp"

#include <openssl/err.h>
#include <new>

namespace components {

bio_pointer bio_of(std::string_view text) {
    bio_pointer made(::BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), &::BIO_free);
    if (!made) throw std::bad_alloc();
    return made;
}

int no_passphrase(char*, int, int, void* asked) {
    if (asked) *static_cast<bool*>(asked) = true;
    return -1;
}

std::string openssl_reason() {
    const char* text = ::ERR_reason_error_string(::ERR_peek_error());
    ::ERR_clear_error();
    return text ? text : "OpenSSL does not say why";
}

}  // namespace components
