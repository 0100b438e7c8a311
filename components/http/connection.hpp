// One connection to a destination over TCP, in the clear or in TLS.
#pragma once

#include "components/http/delivery_network.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace components {

class http_connection final : public delivery_connection {
public:
    /// As delivery_network::resolve().
    static supe::awaitable<std::vector<std::string>> resolve(supe::clock& time,
                                                             const http_destination& to,
                                                             std::string& error);

    /// `authorities`: for TLS; null: those of the system.
    http_connection(supe::clock& time, http_destination to, tls_authorities authorities = {});
    ~http_connection() override;

    supe::awaitable<std::string> connect(std::vector<std::string> peers,
                                         supe::time_point deadline) override;
    std::optional<ends> connected() const override;
    supe::awaitable<std::string> secure(supe::time_point deadline) override;
    supe::awaitable<http_reply> exchange(const std::string& head, const std::string& body,
                                         exchange_limits limits) override;
    bool reusable() const override;
    bool was_stale() const override;
    supe::awaitable<> close(supe::duration patience = longest_close) override;

private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

}  // namespace components
