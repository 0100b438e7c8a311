// Requests of the control socket to a small tree in simulation: each is answered, and the tree runs
// on.
#include "supe/control/server.hpp"
#include "supe/simulation/world.hpp"
#include "supe/supervision/large_answer.hpp"
#include "supe/text/json_value.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <boost/json/serialize.hpp>

using namespace std::chrono_literals;
using fuzz::require;
namespace json = boost::json;

namespace {

supe::awaitable<> diligent(supe::component& self) {
    while (auto mail = co_await self.receive()) mail->ack();
}

/// A tree and its control. A new one is made after some requests, so that a run of any length fits
/// into memory.
struct fixture {
    fixture() : tasks(world.time()) {
        world.provide("diligent", diligent);
        world.run(
            R"({"name":"t","children":[{"name":"a","component":"diligent"},{"name":"idle","component":"diligent","demand":true},
            {"name":"n","children":[{"name":"b","component":"diligent"},{"name":"c","component":"diligent","restart":"temporary"}]}]})");
        control.emplace(world.root());
    }
    ~fixture() { give_up(); }

    void give_up() {
        tasks.cancel();
        world.run_ready();
    }

    supe::awaitable<> ask(json::object request, json::value& answer) {
        const json::value performed = co_await control->perform(std::move(request));
        answer = supe::parse_json(supe::answer_text(performed)).value();
    }

    supe::simulation::world world;
    std::optional<supe::control::commands> control;
    supe::nursery tasks;
    unsigned asked = 0;
};

void check_answer(const json::value& answer) {
    require(answer.is_object(), "an answer is an object", serialize(answer));
    const json::object& o = answer.get_object();
    const auto* code = o.if_contains("code");
    const bool error = o.contains("error") && o.at("error").is_string() && code &&
                       code->is_int64() && code->get_int64() >= 1 && code->get_int64() <= 4;
    require(o.contains("ok") != error, "an answer is ok, or an error with its code",
            serialize(answer));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    // Never destroyed: at the end of the process what is thread_local goes first, and it is used.
    static std::optional<fixture>& g = *new std::optional<fixture>;
    if (!g || g->asked++ == 200) g.emplace();
    auto request = supe::control::parse_request(fuzz::text_of(data, size));
    if (!request) return 0;
    json::value answer;
    const bool waits = request->contains("wait");  // for an ack that may never come
    g->tasks.start(g->ask(std::move(*request), answer));
    g->world.run_ready();
    for (int i = 0; i < 10 && answer.is_null(); ++i) g->world.advance(10s);
    if (!answer.is_null() || !waits) check_answer(answer);
    g->give_up();
    require(!g->world.ended(), "no request ends the tree");
    return 0;
}
