#include "components/http/name_lookup.hpp"

#include "supe/async/race.hpp"

#include <fmt/format.h>

namespace components {

supe::awaitable<> name_lookup::look_up(std::shared_ptr<answer> into) {
    try {
        into->peers = co_await network_.resolve(time_, to_, into->error);
    } catch (const boost::system::system_error& e) {  // the resolver's thread cannot be had
        if (e.code() == boost::asio::error::operation_aborted) throw;
        into->error = fmt::format("{}: {}", to_.host, e.code().message());
    }
    if (into->peers.empty() && into->error.empty())
        into->error = fmt::format("{} has no address", to_.host);
    into->is_there = true;
    done_.notify();
}

supe::awaitable<std::vector<std::string>> name_lookup::find(supe::time_point deadline,
                                                            std::string& error) {
    if (!latest_ || latest_->is_there) {
        latest_ = std::make_shared<answer>();
        tasks_.start(look_up(latest_));
    }
    const std::shared_ptr<answer> ours = latest_;
    const auto answered = [this, &ours]() -> supe::awaitable<> {
        while (!ours->is_there) co_await done_.wait();
    };
    const bool in_time = co_await supe::within(time_, deadline, answered());
    error = in_time ? ours->error : fmt::format("{}: timed out looking for its address", to_.host);
    std::vector<std::string> found;
    if (in_time) found = ours->peers;
    co_return found;
}

supe::awaitable<> name_lookup::end() {
    tasks_.cancel();
    co_await tasks_.join();
}

}  // namespace components
