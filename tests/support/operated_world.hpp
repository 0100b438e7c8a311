// A simulated tree with an operator: requests as they come over the control socket, and their
// answers.
#pragma once

#include "supe/control/commands.hpp"
#include "supe/control/server.hpp"
#include "supe/supervision/large_answer.hpp"
#include "tests/support/players.hpp"

#include <unistd.h>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/test/unit_test.hpp>
#include <optional>
#include <string>

namespace support {

namespace json = boost::json;

inline constexpr const char* shop = R"({"name": "shop", "children": [
    {"name": "web", "component": "diligent"},
    {"name": "dam", "children": [{"name": "queue", "component": "slow"}, {"name": "deaf", "component": "stubborn"}]}]})";

/// A nested supervisor that becomes ready and never answers.
inline supe::awaitable<int> hanging_supervisor(supe::clock& time, int channel) {
    const supe::unique_fd ours(channel);
    const std::string ready = "{\"type\":\"signal\",\"signal\":\"COMPONENT-READY\"}\n";
    BOOST_REQUIRE(::write(ours.get(), ready.data(), ready.size()) > 0);
    for (;;) co_await time.sleep_for(std::chrono::hours(1));
}

/// Rejects the mail "no", and takes other mail.
inline supe::awaitable<> picky(supe::component& self) {
    while (auto mail = co_await self.receive()) {
        if (mail->body() == "\"no\"") {
            mail->reject("not to my taste");
        } else {
            mail->ack();
        }
    }
}

/// Answers every call with its own message, except the call "silence".
inline supe::awaitable<> echo(supe::component& self) {
    while (auto mail = co_await self.receive()) {
        const std::string body = mail->body();
        if (body != "\"silence\"") mail->answer(R"({"you said": )" + body + "}");
        mail->ack();
    }
}

/// A tree with an operator at its root. Its nested supervisors answer, as in a process of their
/// own, or hang.
struct operated_world : supe::simulation::world {
    explicit operated_world(const char* tree = shop, bool hanging = false) {
        provide_players(*this);
        provide("picky", picky);
        provide("echo", echo);
        const auto hang = [this](supe::simulation::process_start start) {
            return hanging_supervisor(time(), start.channel_fd);
        };
        if (hanging) provide_program("supervisor", hang);
        run(tree);
        root_commands.emplace(root());
        if (auto* dam = hanging ? nullptr : supervisor_at("/dam")) dam_commands.emplace(*dam);
    }

    ~operated_world() {
        BOOST_TEST(clean_up());
    }  // coroutines that wait for an answer end before the objects that give it

    json::value ask(const std::string& request, supe::duration limit = std::chrono::seconds(60)) {
        const auto parsed = supe::control::parse_request(request);
        BOOST_REQUIRE(parsed);
        const std::string text = by_hand(perform(*parsed), limit);
        return text == "no answer" ? json::value("no answer") : json::parse(text);
    }
    std::string error_of(const std::string& request) {
        const auto answer = ask(request);
        if (!answer.is_object() || !answer.get_object().contains("error"))
            return json::serialize(answer);
        return std::to_string(answer.at("code").as_int64()) + " " +
               std::string(answer.at("error").as_string());
    }
    supe::awaitable<std::string> perform(json::object request) {
        const json::value answer = co_await root_commands->perform(std::move(request));
        co_return supe::answer_text(answer);
    }

    std::optional<supe::control::commands> root_commands;
    std::optional<supe::control::commands> dam_commands;
};

inline bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace support
