// Shows what the queue answers an operator about its dead webhooks, on a real SQLite file (contract
// §6, `supe dead`).
#include "components/queue/queue_logic.hpp"
#include "components/webhook/webhook.hpp"
#include "tests/support/file_size_limit.hpp"
#include "tests/support/temporary_directory.hpp"

#include <boost/json/parse.hpp>

#include <fmt/format.h>
#include <boost/test/unit_test.hpp>

namespace json = boost::json;
using namespace std::chrono_literals;

namespace {

struct scene {
    scene() { open(); }
    support::temporary_directory directory{support::in_memory()};
    std::chrono::system_clock::time_point now{std::chrono::seconds(1700000000)};
    std::optional<components::webhook_store> store{};
    std::optional<components::queue_logic> logic{};

    void open() {
        logic.reset();
        store.reset();
        store.emplace(directory / "queue.db");
        logic.emplace(
            *store, components::queue_limits{}, [] { return 0.5; },
            [] { return std::uint64_t(1) << 40; });
    }
    components::mail_decision take(const std::string& mail) {
        components::queue_events events;
        return logic->take({mail}, now, events).front();
    }
    json::value ask(const std::string& request) {
        const auto decision = take(R"({"dead":)" + request + "}");
        BOOST_REQUIRE((decision.what == components::mail_decision::kind::done));
        return json::parse(decision.answer);
    }
    void put(const std::string& id, const std::string& target = "/hooks") {
        take(to_json(components::webhook{.id = id,
                                         .received_at = 1,
                                         .method = "POST",
                                         .target = target,
                                         .headers = {},
                                         .remote = "203.0.113.9",
                                         .body = "hello"}));
    }
    /// Refused five times by its destination.
    void kill(const std::string& id, unsigned from = 1) {
        for (unsigned attempt = from; attempt < from + 5; ++attempt)
            take(fmt::format(R"({{"results":[{{"id":"{}","attempt":{},"status":404,"ms":7}}]}})",
                             id, attempt));
    }
    std::string ids(const std::string& request = R"({"what":"list"})") {
        std::string all;
        const json::value answer = ask(request);
        for (const json::value& letter : answer.at("letters").as_array())
            all += std::string(letter.at("id").as_string()) + " ";
        return all;
    }
    std::string counts() const {
        const auto n = store->counts();
        return fmt::format("{} pending, {} failed, {} dead", n.pending, n.failed, n.dead);
    }
    std::string mark_delivery() {
        std::string all;
        components::queue_events events;
        while (auto next = logic->next(now, events))
            all += fmt::format("{}/{} ", next->webhook.id, next->webhook.attempt + 1);
        return all;
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(dead_webhooks)

// Who sent what, when it died and why; in order of arrival, and so after a restart.
BOOST_AUTO_TEST_CASE(listed) {
    scene s;
    BOOST_TEST(s.ids().empty());
    for (const char* id : {"a", "b", "c"}) s.put(id);
    s.kill("b");
    s.kill("a");
    s.open();
    BOOST_TEST(s.ids() == "a b ");
    BOOST_TEST(
        s.ask(R"({"what":"list"})").at("letters").at(0) ==
        json::parse(
            R"({"id":"a","from":"203.0.113.9 POST /hooks","at":"2023-11-14T22:13:20.000Z","attempts":5,
                               "reason":"refused 5 times, at last with 404","route":"default"})"));
}

// Page by page, however many there are.
BOOST_AUTO_TEST_CASE(in_pages) {
    scene s;
    s.store->begin();
    for (int i = 0; i < 1200; ++i) {
        s.store->insert({.id = "w" + std::to_string(i), .text = "{}"});
        s.store->mark_dead("w" + std::to_string(i), 1, "why", 1);
    }
    s.store->commit();
    std::size_t seen = 0;
    int pages = 0;
    for (json::value next = 0; !next.is_null(); ++pages) {
        const json::value page =
            s.ask(fmt::format(R"({{"what":"list","after":{}}})", next.to_number<std::int64_t>()));
        for (const json::value& letter : page.at("letters").as_array())
            BOOST_TEST(std::string(letter.at("id").as_string()) == "w" + std::to_string(seen++));
        next = page.as_object().contains("next") ? page.at("next") : nullptr;
    }
    BOOST_TEST(seen == 1200u);
    BOOST_TEST(pages == 3);
    BOOST_TEST(s.ask(R"({"what":"drop"})") == json::parse(R"({"done":1000,"more":true})"));
    BOOST_TEST(s.ask(R"({"what":"retry"})") == json::parse(R"({"done":200,"more":false})"));
    BOOST_TEST(s.counts() == "0 pending, 200 failed, 0 dead");
}

// Whole, as it is kept; a very long path is cut in the list alone.
BOOST_AUTO_TEST_CASE(shown) {
    scene s;
    std::string path = "/";
    for (int i = 0; i < 500; ++i) path += "\u00e9";  // two bytes each: none is cut in two
    s.put("a", path);
    s.kill("a");
    const std::string from(s.ask(R"({"what":"list"})").at("letters").at(0).at("from").as_string());
    BOOST_TEST(from.size() < 300u);
    BOOST_TEST(from.ends_with("\u00e9…"));
    const json::value letter = s.ask(R"({"what":"show","id":"a"})");
    BOOST_TEST(letter.at("reason") == "refused 5 times, at last with 404");
    BOOST_TEST(letter.at("history").as_array().size() == 5u);
    BOOST_TEST(
        letter.at("history").at(4) ==
        json::parse(
            R"({"attempt":5,"at":"2023-11-14T22:13:20.000Z","ms":7,"status":404,"reason":""})"));
    const components::webhook w =
        components::webhook_from_json(json::serialize(letter.at("webhook")));
    BOOST_TEST(w.target == path);
    BOOST_TEST(w.body == "hello");
}

// Due at once, counted on from where it was, and with five refusals before it again; the others
// stay dead.
BOOST_AUTO_TEST_CASE(tried_again) {
    scene s;
    for (const char* id : {"a", "b"}) s.put(id), s.kill(id);
    BOOST_TEST(s.ask(R"({"what":"retry","id":"b"})") == json::parse(R"({"done":1,"more":false})"));
    BOOST_TEST(s.ids() == "a ");
    BOOST_TEST(s.mark_delivery() == "b/6 ");
    s.take(R"({"results":[{"id":"b","attempt":6,"status":404}]})");
    BOOST_TEST(s.counts() == "0 pending, 1 failed, 1 dead");
    s.kill("b", 7);
    BOOST_TEST(s.ids() == "a b ");
    s.ask(R"({"what":"retry"})");
    BOOST_TEST(s.mark_delivery() == "a/6 b/11 ");
    s.take(R"({"results":[{"id":"a","attempt":6,"status":200}]})");
    BOOST_TEST(s.counts() == "0 pending, 1 failed, 0 dead");
}

// Gone, and its bytes with it.
BOOST_AUTO_TEST_CASE(dropped) {
    scene s;
    for (const char* id : {"a", "b", "c"}) s.put(id), s.kill(id);
    BOOST_TEST(s.ask(R"({"what":"drop","id":"b"})") == json::parse(R"({"done":1,"more":false})"));
    BOOST_TEST(s.ids() == "a c ");
    BOOST_TEST(s.ask(R"({"what":"drop"})") == json::parse(R"({"done":2,"more":false})"));
    BOOST_TEST(s.counts() == "0 pending, 0 failed, 0 dead");
    BOOST_TEST(s.store->counts().bytes == 0u);
}

// Those that wait for a delivery are none of this; what is asked wrongly is answered, and does
// nothing.
BOOST_AUTO_TEST_CASE(refusals) {
    scene s;
    s.put("a");
    for (const char* what : {"show", "retry", "drop"})
        BOOST_TEST(s.ask(fmt::format(R"({{"what":"{}","id":"a"}})", what)).is_null());
    BOOST_TEST(s.ask(R"({"what":"dance"})").at("error") ==
               R"(dead.what: "dance" is not one of list, show, retry, drop)");
    BOOST_TEST(s.ask("7").as_object().contains("error"));
    s.kill("a");
    for (const char* id : {"\"\"", "5", "null"})  // none of these means all
        BOOST_TEST(s.ask(fmt::format(R"({{"what":"drop","id":{}}})", id)).at("error") ==
                   "dead.id must be a string with something in it");
    BOOST_TEST(s.counts() == "0 pending, 0 failed, 1 dead");
}

// On a full disk the operator hears of it, and nothing has changed.
BOOST_AUTO_TEST_CASE(a_full_disk) {
    scene s;
    s.put("a");
    s.kill("a");
    {
        const support::file_size_limit full(100);
        const json::value answer = s.ask(R"({"what":"drop"})");
        BOOST_TEST(std::string(answer.at("error").as_string())
                       .starts_with((s.directory / "queue.db").string()));
    }
    BOOST_TEST(s.ids() == "a ");
}

BOOST_AUTO_TEST_SUITE_END()
