// The certificate and key of a TLS server, read again when their files were replaced.
#pragma once

#include "supe/async/clock.hpp"

#include <sys/types.h>
#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

struct ssl_ctx_st;  // OpenSSL's SSL_CTX

namespace components {

/// Two files of PEM.
struct tls_files {
    std::filesystem::path certificate;  ///< the server's own, and behind it those that vouch for it
    std::filesystem::path key;          ///< without a passphrase
    friend bool operator==(const tls_files&, const tls_files&) = default;
};

/// How a server speaks TLS: 1.2 or later, with HTTP/1.1 in it.
using tls_server_context = std::shared_ptr<ssl_ctx_st>;
/// Throws std::runtime_error, which names the file and says what is wrong with it.
tls_server_context tls_context_of(const tls_files& files);

/// What a listener shows to its clients. A new pair is for new connections; those that are open
/// keep theirs. A pair that is bad is reported, once, and the one before it stays in use.
class tls_identity {
public:
    /// Reads the files; where they are bad there is no context until they are right.
    explicit tls_identity(tls_files files);

    /// Looks at the files, at most once a second, and reads them where they are not those that were
    /// read last, or where those were bad: what a file is does not tell who may read it.
    void look(supe::time_point now);

    /// For a handshake; null where no pair was good so far.
    const tls_server_context& context() const { return context_; }
    /// Why there is no context; empty where there is one.
    std::string objection() const { return context_ ? std::string() : fault_; }
    const std::filesystem::path& certificate() const { return files_.certificate; }
    /// When the certificate that is in use ends (RFC 5280 §4.1.2.5), in seconds since 1970; empty
    /// where none is in use.
    std::optional<std::int64_t> expires() const;

private:
    /// What says that a file was replaced or written anew.
    struct stamp {
        ino_t inode = 0;
        off_t size = 0;
        std::int64_t written_ns = 0;
        friend bool operator==(const stamp&, const stamp&) = default;
    };
    static stamp stamp_of(const std::filesystem::path& file);
    bool is_replaced();
    void read();

    tls_files files_;
    std::array<stamp, 2> stamps_;
    supe::time_point look_again_{};
    tls_server_context context_;
    std::string fault_;  // of the pair that was read last
};

}  // namespace components
