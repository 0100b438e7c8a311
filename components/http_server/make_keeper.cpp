#include "components/http_server/make_keeper.hpp"

#include "components/direct_line/direct_line.hpp"
#include "supe/component/state_path.hpp"

#include <string>
#include <utility>

namespace components {
namespace {

class mailing_keeper final : public webhook_keeper {
public:
    mailing_keeper(supe::component& self, std::string to) : self_(self), to_(std::move(to)) {}
    supe::awaitable<> run() override { co_return; }
    supe::awaitable<supe::error_code> keep(std::string webhook,
                                           supe::time_point deadline) override {
        return self_.try_deliver(to_, std::move(webhook), deadline);
    }

private:
    supe::component& self_;
    std::string to_;
};

}  // namespace

std::unique_ptr<webhook_keeper> make_keeper(supe::component& self,
                                            const intake_settings& settings) {
    if (settings.socket.empty()) return std::make_unique<mailing_keeper>(self, settings.to);
    return std::make_unique<direct_line>(self.time(), supe::in_state(settings.socket));
}

}  // namespace components
