#include "supe/supervision/nested_supervisor.hpp"

#include "supe/text/json_value.hpp"
#include "supe/tree/tree_file.hpp"

#include <boost/json/serialize.hpp>

namespace supe {
namespace {

struct first_words {
    std::optional<supervisor_spec> tree;
    std::vector<std::string> later;  // frames behind it that came in the same read
};

awaitable<first_words> receive_tree(std::shared_ptr<channel> wire) {
    first_words heard;
    const channel::frame_sink on_frame = [&heard](std::string_view frame) {
        if (heard.tree) return heard.later.emplace_back(frame), void();
        const message m = read_message(frame);
        const auto* signal = std::get_if<signal_frame>(&m);
        if (!signal || signal->kind != signal_kind::supe_start) return;
        const auto data = parse_json(signal->data).value();
        heard.tree =
            parse_tree(boost::json::serialize(data.at("config").at("tree")), "SUPE-START", "/");
    };
    while (!heard.tree && co_await wire->turn(on_frame)) {}
    co_return heard;
}

}  // namespace

awaitable<int> run_nested_supervisor(supervisor_environment environment, unique_fd channel_fd,
                                     std::string address,
                                     std::function<void(supervisor&)> prepare) {
    auto wire = std::make_shared<channel>(environment.time, std::move(channel_fd),
                                          channel::side::component);
    first_words heard = co_await receive_tree(wire);
    if (!heard.tree) co_return 1;
    supervisor self(std::move(environment), std::move(*heard.tree), std::move(address), wire);
    self.set_early_frames(std::move(heard.later));
    prepare(self);
    const bool clean = co_await self.run();
    wire->flush();
    co_return clean ? 0 : 1;
}

}  // namespace supe
