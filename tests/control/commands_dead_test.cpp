// Shows what an operator does with dead letters, and with mail that waits for a name (contract §6),
// with real supervisors and simulated children.
#include "tests/support/operated_world.hpp"

#include <fmt/format.h>

namespace json = boost::json;
using namespace std::chrono_literals;
using support::has;
using router = support::operated_world;

BOOST_AUTO_TEST_SUITE(commands_dead)

// A malformed id does not mean all letters.
BOOST_AUTO_TEST_CASE(dead_without_a_name) {
    router w(R"({"name": "t", "children": [{"name": "a", "component": "picky"}]})");
    w.mail("/a", "\"no\"");
    for (const char* id : {"\"\"", "5"})
        BOOST_TEST(w.error_of(fmt::format(R"({{"do": "dead", "what": "drop", "id": {}}})", id)) ==
                   "2 id must be a string with something in it");
    BOOST_TEST(w.ask(R"({"do": "dead", "what": "list"})").at("ok").as_array().size() == 1u);
}

// The dead letters of all supervisors are listed, shown, sent again and dropped, one by its id or
// all together.
BOOST_AUTO_TEST_CASE(dead_letters) {
    router w(R"({"name": "t", "children": [{"name": "a", "component": "picky"},
        {"name": "dam", "children": [{"name": "b", "component": "picky"}]}]})");
    const auto list = [&] {
        return w.ask(R"({"do": "dead", "what": "list"})").at("ok").as_array();
    };
    BOOST_TEST(list().empty());
    for (const char* to : {"/a", "/dam/b", "/a"}) w.mail(to, "\"no\"");
    const auto letters = list();
    BOOST_REQUIRE(letters.size() == 3u);
    BOOST_TEST(letters[0].at("to") == "/a");
    BOOST_TEST(letters[2].at("to") == "/dam/b");
    BOOST_TEST(letters[2].at("from") == "supe");
    BOOST_TEST(letters[2].at("attempts") == 1);
    BOOST_TEST(!letters[2].as_object().contains("msg"));
    const auto with_id = [](const char* what, const json::value& letter) {
        return R"({"do": "dead", "what": ")" + std::string(what) + R"(", "id": )" +
               json::serialize(letter.at("id")) + "}";
    };
    const auto whole = w.ask(with_id("show", letters[2])).at("ok");
    BOOST_TEST(whole.at("msg") == "\"no\"");
    BOOST_TEST(has(json::serialize(whole), "not to my taste"));
    BOOST_TEST(w.ask(with_id("drop", letters[2])).at("ok") == 1);
    BOOST_TEST(w.error_of(with_id("show", letters[2])) ==
               "3 no dead letter " + std::string(letters[2].at("id").as_string()));
    BOOST_TEST(w.ask(R"({"do": "dead", "what": "retry"})").at("ok") == 2);
    w.run_ready();
    BOOST_TEST(list().size() == 2u);  // rejected once more
    w.ask(R"({"do": "remove", "address": "a"})");
    BOOST_TEST(w.error_of(with_id("retry", list()[0])).starts_with("1 "));
    BOOST_TEST(list().size() == 2u);
    BOOST_TEST(w.ask(R"({"do": "dead", "what": "drop"})").at("ok") == 2);
    BOOST_TEST(list().empty());
    BOOST_TEST(w.error_of(R"({"do": "dead", "what": "burn"})")
                   .starts_with("2 what: \"burn\" is not one of"));
}

// The ids of saved mail are anybody's. Two letters of one id are two entries of the list. An ID
// that several recipients have is answered with their names, and nothing is done. Each name means
// one letter alone.
BOOST_AUTO_TEST_CASE(one_id_for_several) {
    router w(R"({"name": "t", "children": [{"name": "a", "component": "picky"},
        {"name": "dam", "children": [{"name": "b", "component": "picky"}]}]})");
    const auto about = [&](const char* what, const char* id) {
        return fmt::format(R"({{"do": "dead", "what": "{}", "id": "{}"}})", what, id);
    };
    const auto names = [&] {
        std::vector<std::string> found;
        const auto answer = w.ask(R"({"do": "dead", "what": "list"})");
        for (const auto& l : answer.at("ok").as_array())
            found.push_back(fmt::format("{} {}", l.at("id").as_string().c_str(),
                                        l.at("to").as_string().c_str()));
        return found;
    };
    for (const char* to : {"/a", "/a", "/dam/b"}) {
        w.ask(fmt::format(
            R"({{"do": "restore", "address": "{}", "mails": [{{"id": "7", "msg": "no"}}]}})", to));
        w.run_ready();
    }
    using all = std::vector<std::string>;
    BOOST_TEST(names() == (all{"7 /a", "7~2 /a", "7 /dam/b"}), boost::test_tools::per_element());
    for (const char* what : {"show", "retry", "drop"})
        BOOST_TEST(w.error_of(about(what, "7")) ==
                   "1 7 is the ID of several dead letters: 7@/a, 7@/dam/b");
    BOOST_TEST(w.ask(about("show", "7@/dam/b")).at("ok").at("to") == "/dam/b");
    BOOST_TEST(w.error_of(about("show", "7@/dam")) == "3 no dead letter 7@/dam");
    BOOST_TEST(w.ask(about("drop", "7@/dam/b")).at("ok") == 1);
    BOOST_TEST(w.ask(about("drop", "7")).at("ok") == 1);
    BOOST_TEST(names() == all{"7~2 /a"}, boost::test_tools::per_element());
    BOOST_TEST(w.ask(about("retry", "7~2")).at("ok") == 1);
    w.run_ready();
    BOOST_TEST(names() == all{"7 /a"}, boost::test_tools::per_element());  // rejected once more
}

// Mail of one id may wait for several names that are gone: each is dropped alone.
BOOST_AUTO_TEST_CASE(one_id_waits_for_several) {
    router w(R"({"name": "t", "children": []})");
    supe::journaled_mail mail;
    mail.msg = "1";
    mail.id = "7";
    for (const char* name : {"a", "b"}) {
        mail.box = name;
        mail.sequence++;
        w.root().mail().delivery.restore(mail);
    }
    const std::string drop = R"({"do": "dead", "what": "drop", "id": ")";
    BOOST_TEST(w.error_of(drop + R"(7"})") == "1 7 is the ID of several dead letters: 7@/a, 7@/b");
    BOOST_TEST(w.ask(drop + R"(7@/b"})").at("ok") == 1);
    const auto list = w.ask(R"({"do": "dead", "what": "list"})").at("ok").as_array();
    BOOST_REQUIRE(list.size() == 1u);
    BOOST_TEST(list[0].at("to") == "/a");
}

// Two operators at once send each letter once, also while the journal writes it. What cannot be
// sent again stays, and the answer says why.
BOOST_AUTO_TEST_CASE(retried_at_once) {
    router w(R"({"name": "t", "mail": {"journal": true}, "children": [
        {"name": "a", "component": "picky", "mail": {"limit": 3}}]})");
    for (int n = 0; n < 3; ++n) {
        w.mail("/a", "\"no\"");
        w.advance(1s);
    }
    BOOST_REQUIRE(w.root().dead().all().size() == 3u);
    w.ask(R"({"do": "stop", "address": "a"})");
    const std::string all = R"({"do": "dead", "what": "retry"})";
    json::value first, second;
    struct asker {
        static supe::awaitable<> ask(supe::control::commands& to, std::string request,
                                     json::value& answer) {
            const auto parsed = supe::control::parse_request(request);
            answer = co_await to.perform(*parsed);
        }
    };
    supe::nursery both(w.time());
    both.start(asker::ask(*w.root_commands, all, first));
    both.start(asker::ask(*w.root_commands, all, second));
    w.advance(1s);
    BOOST_TEST(first.at("ok").as_int64() + second.at("ok").as_int64() == 3);
    BOOST_TEST(w.root().dead().all().empty());
    BOOST_TEST(w.root().find("a") != nullptr);
    BOOST_TEST(w.root().entry_of(*w.root().find("a")).mail.box.queued() == 3u);
}

// Of the mail that waits for names that the tree does not have, a list has a bounded number, and
// says how many more there are.
BOOST_AUTO_TEST_CASE(many_unknown) {
    router w(R"({"name": "t", "children": []})");
    supe::journaled_mail mail;
    mail.msg = "1";
    for (const char* name : {"a", "b"}) {
        mail.box = name;
        for (int n = 0; n < 1010; ++n) {
            mail.sequence++;
            mail.id = fmt::format("{}-{}", name, n);
            w.root().mail().delivery.restore(mail);
        }
    }
    const auto list = w.ask(R"({"do": "dead", "what": "list"})").at("ok").as_array();
    BOOST_REQUIRE(list.size() == 1001u);
    BOOST_TEST(has(json::serialize(list[999]), "the tree has no a; 10 more wait"));
    BOOST_TEST(has(json::serialize(list[1000]), "1009 more wait"));
    BOOST_TEST(!has(json::serialize(list[998]), "more wait"));
}

// A client hangs up while its letter is on its way: the letter is gone when its mail is safe.
BOOST_AUTO_TEST_CASE(retried_and_hung_up) {
    router w(R"({"name": "t", "mail": {"journal": true}, "children": [
        {"name": "a", "component": "picky"}]})");
    w.mail("/a", "\"no\"");
    w.advance(1s);
    w.ask(R"({"do": "stop", "address": "a"})");
    supe::nursery client(w.time());
    client.start([](supe::control::commands& to) -> supe::awaitable<> {
        co_await to.perform(*supe::control::parse_request(R"({"do": "dead", "what": "retry"})"));
    }(*w.root_commands));
    w.run_ready();
    client.cancel();
    w.run_ready();
    BOOST_TEST(client.size() == 0u);
    BOOST_TEST(w.root().dead().all().size() == 1u);  // it is not written yet
    w.advance(1s);
    BOOST_TEST(w.root().dead().all().empty());
    BOOST_TEST(w.root().entry_of(*w.root().find("a")).mail.box.queued() == 1u);
}

BOOST_AUTO_TEST_SUITE_END()
