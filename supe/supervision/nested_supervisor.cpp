#include "supe/supervision/nested_supervisor.hpp"

#include "supe/text/json_value.hpp"
#include "supe/tree/tree_file.hpp"

#include <boost/json/serialize.hpp>

namespace supe {
namespace {

struct start_frames {
    std::optional<supervisor_spec> tree;
    std::vector<std::string> later;  // frames behind SUPE-START in the same read
};

awaitable<start_frames> receive_tree(std::shared_ptr<channel> wire) {
    start_frames received;
    const channel::frame_sink on_frame = [&received](std::string_view frame) {
        if (received.tree) return received.later.emplace_back(frame), void();
        const message m = read_message(frame);
        const auto* signal = std::get_if<signal_frame>(&m);
        if (!signal || signal->kind != signal_kind::supe_start) return;
        const auto data = parse_json(signal->data).value();
        received.tree =
            parse_tree(boost::json::serialize(data.at("config").at("tree")), "SUPE-START", "/");
    };
    while (!received.tree && co_await wire->turn(on_frame)) {}
    co_return received;
}

}  // namespace

awaitable<int> run_nested_supervisor(supervisor_environment environment, unique_fd channel_fd,
                                     std::string address,
                                     std::function<void(supervisor&)> prepare) {
    auto wire = std::make_shared<channel>(environment.time, std::move(channel_fd),
                                          channel::side::component);
    start_frames received = co_await receive_tree(wire);
    if (!received.tree) co_return 1;
    supervisor self(std::move(environment), std::move(*received.tree), std::move(address), wire);
    self.set_early_frames(std::move(received.later));
    prepare(self);
    const bool clean = co_await self.run();
    wire->flush();
    co_return clean ? 0 : 1;
}

}  // namespace supe
