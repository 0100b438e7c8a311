// PEM that was read into memory, for OpenSSL: a file is opened once, by our own reader, which never
// waits.
#pragma once

#include <openssl/bio.h>
#include <memory>
#include <string>
#include <string_view>

namespace components {

using bio_pointer = std::unique_ptr<BIO, decltype(&::BIO_free)>;
/// Reads `text`, which must outlive it. Throws std::bad_alloc.
bio_pointer bio_of(std::string_view text);

/// A pem_password_cb: nobody is there to be asked for a passphrase, and OpenSSL would ask the
/// terminal. `asked` is a bool, which says that there is one; or null.
int no_passphrase(char*, int, int, void* asked);

/// Of what OpenSSL refused first since its errors were cleared; clears them.
std::string openssl_reason();

}  // namespace components
