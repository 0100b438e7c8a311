#include "supe/supervision/nested.hpp"

#include "supe/supervision/tree_file.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace supe {
namespace {

/// The frames that come before SUPE-START are none that matter: our supervisor sends it first.
awaitable<std::optional<supervisor_spec>> receive_tree(channel& wire) {
    std::optional<supervisor_spec> tree;
    const channel::frame_sink on_frame = [&](std::string_view frame) {
        const message m = read_message(frame);
        const auto* signal = std::get_if<signal_frame>(&m);
        if (!signal || signal->name != "SUPE-START" || tree) return;
        const auto data = boost::json::parse(signal->data);
        tree = parse_tree(boost::json::serialize(data.at("config").at("tree")), "SUPE-START", "/");
    };
    while (!tree && co_await wire.turn(on_frame)) {
    }
    co_return tree;
}

}  // namespace

awaitable<int> run_nested_supervisor(supervisor_environment environment, unique_fd channel_fd, std::string address,
                                     std::function<void(supervisor&)> prepare) {
    auto wire = std::make_shared<channel>(environment.time.executor(), std::move(channel_fd));
    auto tree = co_await receive_tree(*wire);
    if (!tree) co_return 1;
    supervisor self(std::move(environment), std::move(*tree), std::move(address), wire);
    prepare(self);
    const bool clean = co_await self.run();
    wire->flush();
    co_return clean ? 0 : 1;
}

}  // namespace supe
