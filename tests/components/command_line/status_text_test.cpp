// Shows how the status of a tree looks: as a table, and as a drawing.
#include "components/command_line/status_text.hpp"

#include <boost/json/parse.hpp>
#include <boost/test/unit_test.hpp>

namespace json = boost::json;
using shown = supe::colours;

namespace {

std::string node(const std::string& name, const std::string& address, const std::string& rest,
                 const std::string& children = "") {
    return R"({"name":")" + name + R"(","address":")" + address + R"(",)" + rest +
           R"(,"children":[)" + children + "]}";
}

const json::value& shop() {
    static const std::string up =
        R"("pid":12,"state":"running","restarts":0,"uptime_ms":61000,"mailbox":{"queued":0,"in_flight":0},"last_exit":null)";
    static const std::string down =
        R"("pid":null,"state":"given_up","restarts":3,"uptime_ms":0,"mailbox":{"queued":12,"in_flight":0},"last_exit":{"code":3})";
    static const std::string silent = up + R"(,"silent":true)";
    static const json::value tree = json::parse(node(
        "shop", "/", up,
        node("web", "/web", up) + "," + node("dam", "/dam", up, node("queue", "/dam/queue", down)) +
            "," + node("weir", "/weir", silent)));
    return tree;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(status_text)

// Columns are as wide as what is in them; what is below is indented.
BOOST_AUTO_TEST_CASE(table) {
    BOOST_TEST(components::status_table(shop(), shown::off) ==
               "NAME       STATE            PID  RESTARTS  UPTIME  QUEUED  IN FLIGHT  LAST EXIT\n"
               "shop       running           12         0   1m01s       0          0  -\n"
               "  web      running           12         0   1m01s       0          0  -\n"
               "  dam      running           12         0   1m01s       0          0  -\n"
               "    queue  given_up           -         3       -      12          0  code 3\n"
               "  weir     running, silent   12         0   1m01s       0          0  -\n");
}

// Whether an end was asked for; when a child that is given up begins anew.
BOOST_AUTO_TEST_CASE(one_child) {
    json::value queue = shop().at("children").at(1).at("children").at(0);
    queue.at("last_exit").as_object()["asked_for"] = true;
    queue.as_object()["retry_in_ms"] = 252000;
    queue.as_object()["deaths"] = json::parse(
        R"([{"at":"A","text":"exit code 3","exit":{"code":3},"after_ms":1000,"clean":false,"asked_for":false},
            {"at":"B","text":"exit code 3","exit":{"code":3},"after_ms":1000,"clean":true,"asked_for":true}])");
    BOOST_TEST(components::status_table(queue, shown::off) ==
               "NAME   STATE     PID  RESTARTS  UPTIME  QUEUED  IN FLIGHT  LAST EXIT\n"
               "queue  given_up    -         3       -      12          0  code 3 (asked for)\n"
               "\nIt begins anew in 4m12s\n"
               "\nHow it ended so far, the latest last:\n"
               "  A  after     1s  crashed  exit code 3\n"
               "  B  after     1s  stopped  exit code 3\n");
}

// Colours only where they are asked for, and without them the same text.
BOOST_AUTO_TEST_CASE(colours) {
    for (const auto draw : {components::status_table, components::status_drawing}) {
        std::string text = draw(shop(), shown::on);
        BOOST_TEST(text.find("\x1b[32mrunning") != std::string::npos);
        BOOST_TEST(text.find("\x1b[31mgiven_up") != std::string::npos);
        for (std::size_t at; (at = text.find("\x1b[")) != std::string::npos;)
            text.erase(at, text.find('m', at) - at + 1);
        BOOST_TEST(text == draw(shop(), shown::off));
    }
}

BOOST_AUTO_TEST_CASE(drawing) {
    BOOST_TEST(components::status_drawing(shop(), shown::off) ==
               "shop  running  pid 12, up 1m01s\n"
               "├─ web  running  pid 12, up 1m01s\n"
               "├─ dam  running  pid 12, up 1m01s\n"
               "│  └─ queue  given_up  3 restarts, 12 mail\n"
               "└─ weir  running, silent  pid 12, up 1m01s\n");
}

// What an operator asked for and is under way stands below the table, and in the line of its
// supervisor in the drawing.
BOOST_AUTO_TEST_CASE(operations) {
    json::value tree = shop();
    tree.as_object()["operation"] = "reload";
    tree.as_object()["operations_waiting"] = 0;
    json::object& dam = tree.at("children").at(1).as_object();
    dam["operation"] = "restart queue";
    dam["operations_waiting"] = 2;
    BOOST_TEST(components::status_table(tree, shown::off)
                   .ends_with("\nUnder way at /: reload\n"
                              "\nUnder way at /dam: restart queue, and 2 more wait\n"));
    BOOST_TEST(components::status_drawing(tree, shown::off)
                   .find("├─ dam  running  pid 12, up 1m01s, under way: restart queue, and 2 more "
                         "wait\n") != std::string::npos);
}

// Those that did not answer are found wherever they are; what a child says of itself and its deaths
// follow its line.
BOOST_AUTO_TEST_CASE(silence_and_deaths) {
    BOOST_TEST(components::silent_supervisors(shop()) == std::vector<std::string>{"/weir"},
               boost::test_tools::per_element());
    json::value web = shop().at("children").at(0);
    web.as_object()["status"] = "warming up";
    web.as_object()["deaths"] = json::parse(
        R"([{"at":"2026-01-31T12:00:00.000Z","text":"SIGKILL","exit":null,"after_ms":5000,"clean":false},
        {"at":"2026-01-31T12:00:09.000Z","text":"SIGTERM","exit":null,"after_ms":8000,"clean":true}])");
    const std::string text = components::status_table(web, shown::off);
    BOOST_TEST(
        text.ends_with("\nIt says: warming up\n\nHow it ended so far, the latest last:\n"
                       "  2026-01-31T12:00:00.000Z  after     5s  crashed  SIGKILL\n"
                       "  2026-01-31T12:00:09.000Z  after     8s  ended    SIGTERM\n"));
}

// What a child says of itself does not drive the operator's terminal.
BOOST_AUTO_TEST_CASE(control_characters) {
    json::value web = shop().at("children").at(0);
    web.as_object()["status"] = "\x1b]0;evil\x07\xc2\x9b\x32J\nforged";
    web.as_object()["deaths"] = json::parse(
        R"([{"at":"2026","text":"code 1\u001b[2J","exit":null,"after_ms":0,"clean":false}])");
    const std::string text = components::status_table(web, shown::off);
    BOOST_TEST(text.find("It says: \\x1b]0;evil\\x07\\xc2\\x9b2J\\x0aforged\n") != text.npos, text);
    BOOST_TEST(text.find("code 1\\x1b[2J\n") != text.npos, text);
    const std::string pretty = components::pretty(web);
    BOOST_TEST(pretty.find_first_of("\x1b\x07\x7f\xc2") == pretty.npos, pretty);
    BOOST_TEST((json::parse(pretty) == web));
}

BOOST_AUTO_TEST_SUITE_END()
