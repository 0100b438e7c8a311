// Dead letters are bounded, are found by id, and are kept where they outlive the supervisor.
#include "supe/mail/dead_letters.hpp"
#include "supe/mail/journal.hpp"

#include <boost/test/unit_test.hpp>
#include <set>

using supe::envelope;
using letters = supe::dead_letters;

namespace {

struct store final : supe::dead_letter_store {
    std::multiset<std::string> names;
    std::shared_ptr<const supe::dead_letter> last;
    void keep(std::shared_ptr<const supe::dead_letter> letter) override {
        names.insert(letter->name());
        last = std::move(letter);
    }
    void discard(const std::string& name) override { names.erase(name); }
};

constexpr std::chrono::system_clock::time_point start{};

void add(letters& dead, const std::string& id, const std::string& msg = "0",
         std::chrono::system_clock::time_point at = start) {
    envelope mail;
    mail.id = id;
    mail.msg = msg;
    mail.from = "sender";
    mail.extras = R"(,"k":1)";
    mail.attempt = 3;
    dead.add(mail, "worker", "it crashed", {{{}, "it crashed"}}, at);
}

supe::dead_letter letter_of(const std::string& id, std::chrono::system_clock::time_point at,
                            const std::string& msg = "0") {
    supe::dead_letter letter;
    letter.id = id;
    letter.msg = msg;
    letter.at = at;
    return letter;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(dead_letters)

// A letter has everything of its mail, which can be sent again unchanged.
BOOST_AUTO_TEST_CASE(has_everything) {
    letters dead;
    add(dead, "a", "[1]");
    const supe::dead_letter* letter = dead.find("a");
    BOOST_REQUIRE(letter);
    BOOST_TEST(letter->recipient == "worker");
    BOOST_TEST(letter->reason == "it crashed");
    BOOST_TEST(letter->attempt == 3u);
    BOOST_TEST(letter->history.at(0).what == "it crashed");
    const envelope again = letter->view();
    BOOST_TEST(again.msg == "[1]");
    BOOST_TEST(again.from == "sender");
    BOOST_TEST(again.extras == R"(,"k":1)");
    BOOST_TEST(again.attempt == 3u);  // it may have been handled
    BOOST_TEST(again.to == "");
    BOOST_TEST(!dead.find("b"));
}

// The letter of a mail that was on its way through a supervisor has the whole address, also on
// disk.
BOOST_AUTO_TEST_CASE(on_its_way) {
    letters dead;
    envelope mail;
    mail.id = "a";
    mail.to = "/dam/q";
    dead.add(mail, "dam", "removed", {}, {});
    const supe::dead_letter again = supe::letter_from(supe::to_text(*dead.find("a")));
    BOOST_TEST(again.recipient == "dam");
    BOOST_TEST(again.view().to == "/dam/q");
}

// Letters of one id are told apart, in the store too. Each is found and dropped alone, and what is
// left keeps its name. An id that looks like such a name takes nobody's place.
BOOST_AUTO_TEST_CASE(one_id_twice) {
    letters dead;
    store kept;
    dead.keep_in(&kept);
    add(dead, "a~2", "0");
    for (const char* msg : {"1", "2", "3"}) add(dead, "a", msg);
    BOOST_TEST(kept.names == (std::multiset<std::string>{"a", "a~2", "a~3", "a~4"}));
    BOOST_REQUIRE(dead.find("a~4"));
    BOOST_TEST(dead.find("a~4")->msg == "3");
    BOOST_TEST(dead.find("a~4")->view().id == "a");
    BOOST_TEST(supe::letter_from(supe::to_text(*dead.find("a~4"))).name() == "a~4");
    BOOST_TEST(dead.drop("a"));
    BOOST_TEST(!dead.find("a"));
    BOOST_TEST(dead.find("a~2")->msg == "0");
    BOOST_TEST(dead.find("a~3")->msg == "2");
    add(dead, "a", "4");
    BOOST_TEST(dead.all().back().name() == "a~5");
    BOOST_TEST(kept.names == (std::multiset<std::string>{"a~2", "a~3", "a~4", "a~5"}));
}

// Letters are bounded by count and by bytes, the oldest go first, and the store has exactly the
// letters that are held.
BOOST_AUTO_TEST_CASE(bounded) {
    letters dead;
    store kept;
    dead.keep_in(&kept);
    for (std::size_t i = 0; i < letters::count_limit + 10; ++i) add(dead, std::to_string(i));
    BOOST_TEST(dead.all().size() == letters::count_limit);
    BOOST_TEST(dead.all().front().id == "10");
    BOOST_TEST(kept.names.size() == letters::count_limit);
    add(dead, "big", std::string(letters::byte_limit, 'x'));
    BOOST_TEST(dead.all().size() == 1u);
    BOOST_TEST(kept.names == (std::multiset<std::string>{"big"}));
}

// Letters of an earlier life that are read late stand before those that came meanwhile, and go
// first.
BOOST_AUTO_TEST_CASE(read_late) {
    using std::chrono::hours;
    letters dead;
    store kept;
    dead.keep_in(&kept);
    dead.await_earlier_letters();
    add(dead, "new", "0", start + hours(1000));
    for (std::size_t n = 1; n <= letters::count_limit; ++n) {
        kept.names.insert(std::to_string(n));
        dead.restore(letter_of(std::to_string(n), start + hours(n / 2)));
    }
    dead.on_earlier_letters();
    BOOST_TEST(dead.all().size() == letters::count_limit);
    BOOST_TEST(dead.all().front().id == "2");
    BOOST_TEST(dead.all()[1].id == "3");
    BOOST_TEST(dead.all().back().id == "new");
    BOOST_TEST(kept.names.size() == letters::count_limit);
    BOOST_TEST(kept.names.count("1") == 0u);
    BOOST_TEST(kept.names.count("new") == 1u);
}

// Before they are read nobody knows their names: a letter that has one of them neither replaces the
// other in the store, nor takes it along when it is dropped.
BOOST_AUTO_TEST_CASE(one_name_read_late) {
    letters dead;
    store kept;
    kept.names = {"a", "b"};
    dead.keep_in(&kept);
    dead.await_earlier_letters();
    add(dead, "a", "new");
    add(dead, "b", "new");
    BOOST_TEST(dead.drop("b"));
    BOOST_TEST(kept.names == (std::multiset<std::string>{"a", "b"}));
    for (const char* id : {"a", "b"}) dead.restore(letter_of(id, start, "old"));
    dead.on_earlier_letters();
    BOOST_TEST(kept.names == (std::multiset<std::string>{"a", "a~2", "b"}));
    BOOST_TEST(dead.find("a")->msg == "new");
    BOOST_TEST(dead.find("a~2")->msg == "old");
    BOOST_TEST(dead.find("b")->msg == "old");
}

// The store, and whoever sends a letter again, share it instead of a copy. It stays as it is when
// it is dropped.
BOOST_AUTO_TEST_CASE(shared) {
    letters dead;
    store kept;
    dead.keep_in(&kept);
    add(dead, "a", "[1]");
    const auto letter = dead.share("a");
    BOOST_TEST(letter.get() == dead.find("a"));
    BOOST_TEST(letter == kept.last);
    BOOST_TEST(dead.drop("a"));
    BOOST_TEST(letter->msg == "[1]");
    BOOST_TEST(!dead.share("a"));
}

BOOST_AUTO_TEST_CASE(dropped) {
    letters dead;
    store kept;
    dead.keep_in(&kept);
    for (const char* id : {"a", "b", "c"}) add(dead, id);
    BOOST_TEST(dead.drop("b"));
    BOOST_TEST(!dead.drop("b"));
    BOOST_TEST(kept.names == (std::multiset<std::string>{"a", "c"}));
    BOOST_TEST(dead.drop_all() == 2u);
    BOOST_TEST(kept.names.empty());
}

BOOST_AUTO_TEST_SUITE_END()
