#include "components/http/name_lookup.hpp"

#include "supe/async/race.hpp"

#include <fmt/format.h>

namespace components {

supe::awaitable<> name_lookup::look_up() {
    peers_.clear();
    try {
        peers_ = co_await network_.resolve(time_, to_, error_);
    } catch (const boost::system::system_error& e) {  // the resolver's thread cannot be had
        if (e.code() == boost::asio::error::operation_aborted) throw;
        error_ = fmt::format("{}: {}", to_.host, e.code().message());
    }
    running_ = false;
    done_.notify();
}

supe::awaitable<std::vector<std::string>> name_lookup::find(supe::time_point deadline,
                                                            std::string& error) {
    if (!std::exchange(running_, true)) tasks_.start(look_up());
    const auto answered = [this]() -> supe::awaitable<> {
        while (running_) co_await done_.wait();
    };
    const bool in_time = co_await supe::within(time_, deadline, answered());
    error = in_time ? error_ : fmt::format("{}: timed out looking for its address", to_.host);
    std::vector<std::string> found;
    if (in_time) found = peers_;
    co_return found;
}

supe::awaitable<> name_lookup::end() {
    tasks_.cancel();
    co_await tasks_.join();
}

}  // namespace components
