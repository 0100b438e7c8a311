#include "components/http/delivery_network.hpp"

#include "components/http/connection.hpp"

namespace components {
namespace {

class tcp_network final : public delivery_network {
public:
    supe::awaitable<std::vector<std::string>> resolve(supe::clock& time, const http_destination& to,
                                                      std::string& error) override {
        return http_connection::resolve(time, to, error);
    }
    std::unique_ptr<delivery_connection> make_connection(supe::clock& time,
                                                         const http_destination& to,
                                                         tls_authorities authorities) override {
        return std::make_unique<http_connection>(time, to, std::move(authorities));
    }
};

}  // namespace

delivery_network& over_tcp() {
    static tcp_network network;
    return network;
}

}  // namespace components
