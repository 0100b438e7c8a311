// The destination of the relay's benchmarks.
#pragma once

#include "tests/bench/programs.hpp"

#include <cstdint>
#include <filesystem>

namespace bench {

/// Beast answering 200 in a process of its own, which counts what it gets.
class destination {
public:
    explicit destination(const std::filesystem::path& log, std::uint16_t port = free_port());
    std::uint16_t port() const { return port_; }

    struct figures {
        double count = 0;
        double p50_ms = 0, p95_ms = 0;  ///< from one request to the next of a connection
    };
    figures seen() const;

private:
    std::uint16_t port_;
    program runs_;
};

}  // namespace bench
