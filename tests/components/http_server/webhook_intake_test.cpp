// Shows what senders are answered when a webhook is kept, refused or in doubt (contract §7), in
// simulation.
#include "components/http_server/webhook_intake.hpp"
#include "components/http/via.hpp"
#include "components/http_server/make_keeper.hpp"
#include "components/webhook/digests.hpp"
#include "supe/async/unique_fd.hpp"
#include "supe/simulation/world.hpp"
#include "supe/text/base64.hpp"
#include "supe/text/json_text.hpp"
#include "tests/support/temporary_directory.hpp"

#include <openssl/evp.h>
#include <sys/mman.h>
#include <unistd.h>
#include <boost/json/parse.hpp>
#include <boost/test/unit_test.hpp>
#include <fstream>

using namespace std::chrono_literals;
using components::http_answer;
using components::http_request;
using supe::awaitable;
using supe::component;
using supe::simulation::world;

namespace {

/// A door, and a keeper behind it that does what it is told to.
struct scene {
    world w;
    enum class mood { keeps, refuses, says_nothing } keeper = mood::keeps;
    std::vector<components::webhook> kept{};
    std::size_t asked = 0;
    component* self = nullptr;
    std::unique_ptr<components::webhook_keeper> way{};
    std::optional<components::webhook_intake> door{};
    supe::nursery* requests = nullptr;
    std::vector<http_answer> answers{};
    boost::json::value config{{"to", "/keeper"}};

    explicit scene(std::string_view routes = {}) {
        if (!routes.empty()) config.as_object()["routes"] = boost::json::parse(routes);
        w.provide("door", [this](component& c) { return be_door(c); });
        w.provide("keeper", [this](component& c) { return keep(c); });
        w.run(
            R"({"name": "t", "children": [{"name": "keeper", "component": "keeper"}, {"name": "door", "component": "door"}]})");
    }
    ~scene() { w.stop(); }

    awaitable<> be_door(component& c) {
        supe::nursery all(c.time());
        self = &c;
        open_door(config);
        requests = &all;
        all.start(end_with(c, all));
        co_await all.join();
        requests = nullptr;
    }
    void open_door(const boost::json::value& settings_text) {
        components::intake_settings settings = components::read_intake(settings_text);
        way = components::make_keeper(*self, settings);
        door.emplace(*self, std::move(settings), *way);
    }
    awaitable<> end_with(component& c, supe::nursery& all) {
        co_await c.shutdown_requested();
        all.cancel();
    }
    awaitable<> keep(component& c) {
        c.set_window(16);
        while (auto mail = co_await c.receive()) {
            ++asked;
            if (keeper == mood::refuses) mail->reject("the queue is full");
            if (keeper != mood::keeps) continue;
            const std::string body(mail->body());
            const auto together = supe::elements_of(body, components::most_together);
            for (const std::string_view one :
                 together.value_or(std::vector<std::string_view>{body}))
                kept.push_back(components::webhook_from_json(one));
            mail->ack();
        }
    }
    awaitable<> ask(http_request request) {
        http_answer a = co_await door->answer(std::move(request));
        answers.push_back(std::move(a));
    }
    /// The answers that come within `limit`.
    std::vector<http_answer> send(http_request request, supe::duration limit = 0s) {
        requests->start(ask(std::move(request)));
        w.advance(limit);
        return std::exchange(answers, {});
    }
};

http_request post(const std::string& body = "hello") {
    return {"POST",
            "/a?b",
            {{"Host", "h"},
             {"X-B", "1"},
             {"Connection", "X-C"},
             {"X-C", "2"},
             {"X-A", "3"},
             {"X-B", "4"}},
            body,
            "192.0.2.1"};
}

http_request post_to(const std::string& target, const std::string& body = "hello") {
    http_request r = post(body);
    r.target = target;
    return r;
}

std::string bodies(const scene& s) {
    std::string all;
    for (const components::webhook& w : s.kept) all += w.body + "|";
    return all;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(webhook_intake)

// 200 with its id, once it is kept; what is kept is what came, without what concerned the
// connection.
BOOST_AUTO_TEST_CASE(kept) {
    scene s;
    const auto answers = s.send(post(std::string("\0\xff", 2)));
    BOOST_REQUIRE(answers.size() == 1u);
    BOOST_TEST(answers[0].status == 200u);
    BOOST_REQUIRE(s.kept.size() == 1u);
    const components::webhook& w = s.kept[0];
    BOOST_TEST(components::field(answers[0].headers, "Supe-Webhook-Id") == w.id);
    BOOST_TEST(w.method == "POST");
    BOOST_TEST(w.target == "/a?b");
    BOOST_TEST(w.remote == "192.0.2.1");
    BOOST_TEST((w.body == std::string("\0\xff", 2)));
    BOOST_TEST((w.headers ==
                components::http_fields{{"Host", "h"}, {"X-B", "1"}, {"X-A", "3"}, {"X-B", "4"}}));
    BOOST_TEST(w.received_at == std::chrono::duration_cast<std::chrono::milliseconds>(
                                    s.w.time().wall().time_since_epoch())
                                    .count());
}

// The four methods are kept; GET and HEAD are answered and not kept; others are not for here.
BOOST_AUTO_TEST_CASE(methods) {
    scene s;
    for (const char* method : {"POST", "PUT", "PATCH", "DELETE", "GET", "HEAD"}) {
        http_request r = post();
        r.method = method;
        const auto answers = s.send(r);
        BOOST_TEST(answers.at(0).status == 200u, method);
        BOOST_TEST(!answers.at(0).text.empty());
    }
    BOOST_TEST(s.kept.size() == 4u);
    BOOST_TEST(s.kept[3].method == "DELETE");
    for (const char* method : {"OPTIONS", "TRACE", "PROPFIND", "post"}) {
        http_request r = post();
        r.method = method;
        const auto answers = s.send(r);
        BOOST_TEST(answers.at(0).status == 405u, method);
        BOOST_TEST(components::field(answers[0].headers, "Allow") ==
                   "GET, HEAD, POST, PUT, PATCH, DELETE");
    }
    BOOST_TEST(s.kept.size() == 4u);
}

// Refused: 503 with Retry-After, never a 4xx; for a second the queue is not asked again, then it
// is.
BOOST_AUTO_TEST_CASE(a_refusal_is_our_fault) {
    scene s;
    s.keeper = scene::mood::refuses;
    const auto answers = s.send(post());
    BOOST_REQUIRE(answers.size() == 1u);
    BOOST_TEST(answers[0].status == 503u);
    BOOST_TEST(components::field(answers[0].headers, "Retry-After") == "5");
    s.keeper = scene::mood::keeps;
    BOOST_TEST(s.send(post()).at(0).status == 503u);
    s.w.advance(999ms);
    BOOST_TEST(s.send(post()).at(0).status == 503u);
    BOOST_TEST(s.asked == 1u);
    s.w.advance(1ms);
    BOOST_TEST(s.send(post()).at(0).status == 200u);
    BOOST_TEST(s.asked == 2u);
}

// The log says who refused it; there is no dead letter, since the sender still has it.
BOOST_AUTO_TEST_CASE(a_refusal_in_the_log) {
    scene s;
    s.keeper = scene::mood::refuses;
    const supe::unique_fd log(::memfd_create("log", MFD_CLOEXEC)), before(::dup(2));
    ::dup2(log.get(), 2);
    s.send(post());
    ::dup2(before.get(), 2);
    std::string text(4096, '\0');
    text.resize(static_cast<std::size_t>(::pread(log.get(), text.data(), text.size(), 0)));
    BOOST_TEST(text.find("answering 503, 1 times so far: /keeper refused it, and says why in its "
                         "own line") != text.npos,
               text);
    BOOST_TEST(text.find("dead letter") == text.npos, text);
}

// … but for another route, and for a smaller one: these may have room.
BOOST_AUTO_TEST_CASE(a_refusal_is_of_one_route) {
    scene s(R"([{"name": "a", "path": "/a"}, {"name": "b", "path": "/b"}])");
    s.keeper = scene::mood::refuses;
    BOOST_TEST(s.send(post_to("/a", "hello")).at(0).status == 503u);
    s.keeper = scene::mood::keeps;
    BOOST_TEST(s.send(post_to("/a", "hello")).at(0).status == 503u);
    BOOST_TEST(s.send(post_to("/a", "hell")).at(0).status == 200u);
    BOOST_TEST(s.send(post_to("/b", "hello")).at(0).status == 200u);
}

// A queue that is down, or says nothing, is waited for up to 20 s; a queue that crashed meanwhile
// keeps it all the same.
BOOST_AUTO_TEST_CASE(patience) {
    scene s;
    s.keeper = scene::mood::says_nothing;
    BOOST_TEST(s.send(post(), 19s).empty());
    s.keeper = scene::mood::keeps;
    s.w.crash("/keeper");
    s.w.run_ready();
    BOOST_REQUIRE(s.answers.size() == 1u);
    BOOST_TEST(std::exchange(s.answers, {})[0].status == 200u);
    s.keeper = scene::mood::says_nothing;
    const auto late = s.send(post(), 20s);
    BOOST_REQUIRE(late.size() == 1u);
    BOOST_TEST(late[0].status == 503u);
    BOOST_TEST(components::field(late[0].headers, "Retry-After") == "5");
}

// Nobody there at all: 503 at once.
BOOST_AUTO_TEST_CASE(no_queue) {
    scene s;
    s.open_door({{"to", "/nobody"}});
    BOOST_TEST(s.send(post()).at(0).status == 503u);
}

// The first route whose path and host fit takes it, and keeps what is left of the path. Where none
// fits, nothing is here, whatever the method.
BOOST_AUTO_TEST_CASE(routes) {
    scene s(R"([{"name": "a", "path": "/a"}, {"name": "h", "path": "/", "host": "Other.example"},
                {"name": "b", "path": "/b/c"}])");
    BOOST_TEST(s.send(post_to("/a/x?y")).at(0).status == 200u);
    BOOST_TEST(s.send(post_to("/b/c")).at(0).status == 200u);
    http_request other = post_to("/b/c/d");
    other.headers[0].second = "other.EXAMPLE.:8080";  // its full name
    BOOST_TEST(s.send(other).at(0).status == 200u);
    BOOST_REQUIRE(s.kept.size() == 3u);
    BOOST_TEST(s.kept[0].route == "a");
    BOOST_TEST(s.kept[0].target == "/x?y");
    BOOST_TEST(s.kept[1].route == "b");
    BOOST_TEST(s.kept[1].target == "/");
    BOOST_TEST(s.kept[2].route == "h");
    BOOST_TEST(s.kept[2].target == "/b/c/d");
    for (const char* method : {"POST", "GET", "HEAD", "OPTIONS"}) {
        http_request r = post_to("/ab");
        r.method = method;
        BOOST_TEST(s.send(r).at(0).status == 404u, method);
    }
    http_request look = post_to("/a");
    look.method = "GET";
    BOOST_TEST(s.send(look).at(0).status == 200u);
    // Dot segments lead out of the path of a route at most where it is every path.
    for (const char* target : {"/a/../b/c", "/a/%2e%2e/x", "/b/c/d/../../x"})
        BOOST_TEST(s.send(post_to(target)).at(0).status == 400u, target);
    BOOST_TEST(s.send(post_to("/a/x/../y")).at(0).status == 200u);
}

// A route has its own limits: of a body, and of webhooks in a time. What is refused for another
// reason takes nothing of them.
BOOST_AUTO_TEST_CASE(limits_of_a_route) {
    scene s(R"([{"name": "a", "path": "/a", "body_limit": "5B", "intake_rate": "2/m"},
                {"name": "b", "path": "/b"}])");
    http_request look = post_to("/a");
    look.method = "GET";
    for (int i = 0; i < 5; ++i) BOOST_TEST(s.send(look).at(0).status == 200u);
    BOOST_TEST(s.send(post_to("/a", "123456")).at(0).status == 413u);
    BOOST_TEST(s.send(post_to("/a", "12345")).at(0).status == 200u);
    BOOST_TEST(s.send(post_to("/a", "12345")).at(0).status == 200u);
    const auto late = s.send(post_to("/a"));
    BOOST_TEST(late.at(0).status == 429u);
    BOOST_TEST(components::field(late[0].headers, "Retry-After") == "30");
    BOOST_TEST(s.send(post_to("/b", "123456")).at(0).status == 200u);
    s.w.advance(29s);
    BOOST_TEST(components::field(s.send(post_to("/a")).at(0).headers, "Retry-After") == "1");
    s.w.advance(1s);
    BOOST_TEST(s.send(post_to("/a")).at(0).status == 200u);
    BOOST_TEST(s.send(post_to("/a")).at(0).status == 429u);
    BOOST_TEST(s.door->body_limit_of(post_to("/a/x")) == 5u);
    BOOST_TEST(s.door->body_limit_of(post_to("/none")) == 4u << 20);
}

// The keys of order and of duplicates, where the request has them.
BOOST_AUTO_TEST_CASE(keys) {
    scene s(R"([{"name": "a", "path": "/a", "order_by": "json:/shop", "dedupe": "header:X-Id"},
                {"name": "b", "path": "/b"}])");
    http_request r = post_to("/a", R"({"shop": "s1"})");
    r.headers.emplace_back("X-Id", "42");
    BOOST_TEST(s.send(r).at(0).status == 200u);
    BOOST_TEST(s.send(post_to("/a", "no json")).at(0).status == 200u);
    BOOST_TEST(s.send(post_to("/b", R"({"shop": "s1"})")).at(0).status == 200u);
    BOOST_REQUIRE(s.kept.size() == 3u);
    BOOST_TEST(s.kept[0].order_key == "s1");
    BOOST_TEST(s.kept[0].dedupe_key == "header:X-Id=42");
    for (const auto i : {1u, 2u})
        BOOST_TEST((s.kept[i].order_key.empty() && s.kept[i].dedupe_key.empty()));
}

// Arrays that wait for the queue take no more than 64 MiB of memory: others wait for their room.
BOOST_AUTO_TEST_CASE(arrays_wait_for_room) {
    scene s(R"([{"name": "a", "path": "/", "split": true}])");
    s.keeper = scene::mood::says_nothing;
    std::string many = "[1";
    for (int i = 1; i < 10000; ++i) many += ",1";
    http_request large = post(many + "]");
    large.headers.emplace_back("X-Large", std::string(1300, 'x'));
    for (int i = 0; i < 5; ++i) BOOST_TEST(s.send(large).empty());
    BOOST_TEST(s.asked == 4u);
    BOOST_TEST(s.send(post("[1,2]")).empty());
    BOOST_TEST(s.asked == 5u);  // a small one has room
    s.w.advance(20s);
    BOOST_TEST(std::exchange(s.answers, {}).size() == 6u);
    s.keeper = scene::mood::keeps;
    BOOST_TEST(s.send(large).at(0).status == 200u);
}

// An array becomes a webhook an element, in order and with the bytes as they stood; each has its
// own id and keys. What is no array, and an empty one, is one webhook.
BOOST_AUTO_TEST_CASE(split) {
    scene s(R"([{"name": "a", "path": "/", "split": true, "order_by": "json:/to",
                 "dedupe": "header:X-Id"}])");
    http_request r = post_to("/", " [ {\"to\": 1,  \"u\":\"\\u0041\"} ,[2], \"x\" ]\n");
    r.headers.emplace_back("X-Id", "42");
    r.headers.emplace_back("idempotency-key", "of all");
    const auto answers = s.send(r);
    BOOST_TEST(answers.at(0).status == 200u);
    BOOST_TEST(answers[0].text == "kept, 3 webhooks\n");
    BOOST_TEST(bodies(s) == "{\"to\": 1,  \"u\":\"\\u0041\"}|[2]|\"x\"|");
    BOOST_TEST(s.kept.at(0).id != s.kept.at(1).id);
    BOOST_TEST(s.kept[0].order_key == "1");
    BOOST_TEST(s.kept[0].dedupe_key == "header:X-Id=42#0");
    BOOST_TEST(s.kept[2].dedupe_key == "header:X-Id=42#2");
    BOOST_TEST(components::field(s.kept[0].headers, "Idempotency-Key").empty());
    s.kept.clear();
    for (const char* body : {"{\"a\": [1]}", "no json", "[1,", "", "\x1f\x8b["})
        BOOST_TEST(s.send(post_to("/", body)).at(0).status == 200u, body);
    BOOST_TEST(s.kept.size() == 5u);
    s.kept.clear();
    BOOST_TEST(s.send(post_to("/", "[]")).at(0).status == 200u);
    BOOST_TEST(bodies(s) == "[]|");
    s.kept.clear();
    std::string many = "[1";
    for (std::size_t i = 1; i < components::most_together; ++i) many += ",1";
    BOOST_TEST(s.send(post_to("/", many + "]")).at(0).status == 200u);
    BOOST_TEST(s.kept.size() == components::most_together);
    BOOST_TEST(s.send(post_to("/", many + ",1]")).at(0).status == 413u);
    BOOST_TEST(s.kept.size() == components::most_together);
    // Each has the head of the request.
    http_request large = post_to("/", many + "]");
    large.headers.emplace_back("X", std::string(10000, 'x'));
    const auto refused = s.send(large).at(0);
    BOOST_TEST(refused.status == 413u);
    BOOST_TEST(refused.text.starts_with("each of 10000 elements has the head of the request: "));
    large.headers.back().second.resize(1600);  // more than a mail takes with all the rest alone
    BOOST_TEST(s.send(large).at(0).status == 413u);
    BOOST_TEST(s.kept.size() == components::most_together);
}

// The elements of a request are kept together or not at all, so they are asked for at once.
BOOST_AUTO_TEST_CASE(an_array_is_refused) {
    scene s(R"([{"name": "a", "path": "/", "split": true}])");
    s.keeper = scene::mood::refuses;
    BOOST_TEST(s.send(post_to("/", "[1, 2, 3]")).at(0).status == 503u);
    BOOST_TEST(s.asked == 1u);
    s.w.advance(1s);
    s.keeper = scene::mood::says_nothing;
    BOOST_TEST(s.send(post_to("/", "[1, 2, 3]"), 19s).empty());
    s.w.advance(1s);
    BOOST_TEST(std::exchange(s.answers, {}).at(0).status == 503u);
}

// A key file says who may send; who has not signed gets 401 and takes no token of the rate.
BOOST_AUTO_TEST_CASE(verified) {
    const support::temporary_directory directory;
    std::ofstream(directory / "key") << "open sesame\n";
    scene s(
        R"([{"name": "a", "path": "/", "intake_rate": "1/h", "verify": {"kind": "bearer", "key_files": [")" +
        (directory / "key").string() + R"("]}}])");
    http_request r = post_to("/");
    const auto stranger = s.send(r);
    BOOST_TEST(stranger.at(0).status == 401u);
    BOOST_TEST(components::field(stranger[0].headers, "WWW-Authenticate") == "Bearer");
    r.headers.emplace_back("Authorization", "Bearer open sesame");
    BOOST_TEST(s.send(r).at(0).status == 200u);
    BOOST_TEST(s.kept.at(0).verified == "bearer");
    BOOST_TEST(s.send(post_to("/")).at(0).status == 401u);
    BOOST_TEST(s.send(r).at(0).status == 429u);
}

// Who is a trusted proxy says which host was called, and is noted as such; nobody else is believed.
BOOST_AUTO_TEST_CASE(behind_a_proxy) {
    scene s(R"([{"name": "a", "path": "/", "host": "hooks.example"}])");
    http_request r = post_to("/");
    r.headers.emplace_back("X-Forwarded-Host", "hooks.example");
    BOOST_TEST(s.send(r).at(0).status == 404u);
    s.config.as_object()["trusted_proxies"] = boost::json::array{"192.0.2.0/24"};
    s.open_door(s.config);
    BOOST_TEST(s.send(r).at(0).status == 200u);
    BOOST_TEST(s.kept.at(0).proxied);
    r.remote = "198.51.100.1";
    BOOST_TEST(s.send(r).at(0).status == 404u);
}

// Who signs the URL has signed `https` where the request came over TLS.
BOOST_AUTO_TEST_CASE(signed_urls) {
    support::temporary_directory directory(support::in_memory());
    std::ofstream(directory / "key") << "secret\n";
    scene s(R"([{"name": "a", "path": "/", "verify": {"kind": "square", "key_files": [")" +
            (directory / "key").string() + R"("]}}])");
    const auto status = [&s](const std::string& url, bool secure) {
        http_request r = post_to("/hook", "{}");
        r.secure = secure;
        std::string signature;
        supe::append_base64(signature, components::hmac(::EVP_sha256(), "secret", url + r.body));
        r.headers.emplace_back("X-Square-HmacSha256-Signature", signature);
        return s.send(r).at(0).status;
    };
    BOOST_TEST(status("https://h/hook", true) == 200u);
    BOOST_TEST(status("http://h/hook", true) == 401u);
    BOOST_TEST(status("http://h/hook", false) == 200u);
    BOOST_TEST(status("https://h/hook", false) == 401u);
    BOOST_TEST((s.kept.at(0).secure && !s.kept.at(1).secure));
}

// What we have delivered ourselves would go in a circle.
BOOST_AUTO_TEST_CASE(our_own_delivery) {
    scene s;
    http_request r = post_to("/");
    r.headers.emplace_back("Via", "1.1 nginx, 1.1 " + components::own_via());
    BOOST_TEST(s.send(r).at(0).status == 508u);
    r.headers.back().second = "1.1 nginx, 1.1 supe-of-others";
    BOOST_TEST(s.send(r).at(0).status == 200u);
}

BOOST_AUTO_TEST_SUITE_END()
