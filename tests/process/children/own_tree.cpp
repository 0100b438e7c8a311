// A user's program, for own_tree_test.cpp: its own tree, with code in the root and in a nested
// supervisor. Its argument is the state directory. With ONLY_RUN_TREE in its environment main()
// only calls run_tree().
#include "patterns/output.hpp"
#include "supe/run/run_tree.hpp"
#include "supe/tree/tree_file.hpp"

#include <fmt/format.h>
#include <unistd.h>
#include <cstdlib>

namespace {

constexpr const char* tree = R"({"name": "own", "children": [
    {"name": "dam", "children": [{"name": "worker", "component": "worker"}]}]})";

supe::awaitable<> worker(supe::component& self) {
    self.tell("supe", R"("hello")");
    co_await self.shutdown_requested();
}

supe::awaitable<> code_of_dam(supe::supervisor& self) {
    self.on_mail([&self](std::string_view from, std::string_view msg) {
        self.notify("dam-mail", fmt::format(R"({{"from":"{}","msg":{}}})", from, msg));
    });
    supe::notice_watch ready(self, {"worker-ready"});
    for (;;) {
        co_await ready.next();
        self.notify("dam-is-up", fmt::format(R"({{"pid":{}}})", ::getpid()));
    }
}

supe::awaitable<> code_of_root(supe::supervisor& self) {
    supe::notice_watch from_dam(self, {"dam-is-up", "dam-mail"});
    for (;;) {
        const supe::published notice = co_await from_dam.next();
        self.log(fmt::format("{} from {}: {}", notice.name, notice.source, notice.message));
    }
}

supe::awaitable<> code_for_nobody(supe::supervisor&) { co_return; }

}  // namespace

int main(int argc, char** argv) {
    supe::run_settings settings{
        .code = {{"/", code_of_root}, {"/dam", code_of_dam}, {"/dma", code_for_nobody}},
        .roles = {{"worker", worker}}};
    if (!std::getenv("ONLY_RUN_TREE")) {
        if (const auto exit_code = supe::run_role(argc, argv, settings)) return *exit_code;
    }
    settings.state = argv[1];
    auto own = supe::parse_tree(tree, "tree", "/", supe::role_names(settings.roles));
    return supe::run_tree(std::move(own), std::move(settings));
}
