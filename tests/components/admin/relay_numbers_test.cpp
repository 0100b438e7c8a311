// Shows the metrics of a relay in Prometheus' text format, from what its queue really says, and
// when the relay is ready. The alert rules and the dashboard name metrics that exist.
#include "components/admin/relay_numbers.hpp"

#include "tests/components/queue/logic_scene.hpp"
#include "tests/support/metrics_text.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <fstream>
#include <iterator>
#include <regex>

namespace {

namespace json = boost::json;
using namespace queue_tests;
using components::given_answer;
using std::chrono_literals::operator""s;

components::queue_limits limits_of_two() {
    components::queue_limits l;
    l.lanes = {components::lane_settings(), components::lane_settings()};
    l.lanes[1].route = "b";
    l.lanes[1].connections = 7;
    l.bytes = 1 << 20;
    l.keep_delivered = std::chrono::hours(1);
    return l;
}

const char* const of_tree = R"({"name": "relay", "address": "/", "state": "running", "children": [
    {"name": "dam", "state": "running", "restarts": 1, "children": [
        {"name": "queue", "state": "running", "restarts": 2, "children": []}]},
    {"name": "http_server", "state": "running", "restarts": 0, "children": []}]})";

struct relay : scene {
    components::relay_numbers numbers;

    relay() : scene(limits_of_two()) {
        numbers.http_server.value =
            json::parse(R"({"answers": {"200": 12, "503": 1}, "unverified": {"b": 3},
                            "listeners": ["", "key.pem: Permission denied"],
                            "certificates": {"/etc/relay.pem": 1900000000}})");
        numbers.tree.value = json::parse(of_tree);
    }
    support::metrics_page page() {
        numbers.queue.value = json::parse(take({R"({"metrics":true})"}).at(0));
        return support::metrics_page(components::metrics_text(numbers));
    }
    std::string objection() {
        numbers.queue.value = json::parse(take({R"({"metrics":true})"}).at(0));
        return components::objection_to_webhooks(numbers);
    }
};

std::string text_of(const std::string& name) {
    std::ifstream in(std::string(SUPE_SOURCE_DIR) + "/components/relay/" + name);
    return {std::istreambuf_iterator<char>(in), {}};
}

/// The metrics that a text names and that are none.
std::set<std::string> unknown_in(const std::string& text, const support::metrics_page& page) {
    std::set<std::string> unknown;
    const std::regex name("supe_[a-z0-9_]+");
    for (std::sregex_iterator at(text.begin(), text.end(), name), end; at != end; ++at) {
        const std::string whole = at->str();
        const std::string base = std::regex_replace(whole, std::regex("_(bucket|sum|count)$"), "");
        if (!page.has_family(whole) && !page.has_family(base)) unknown.insert(whole);
    }
    return unknown;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(relay_numbers)

// Before the first webhook all is there, and all of it 0.
BOOST_AUTO_TEST_CASE(nothing_yet) {
    relay r;
    const auto page = r.page();
    for (const char* name : {"accepted_total", "delivered_total", "dropped_total", "queued",
                             "failed", "dead", "in_flight", "duplicates_total", "replayed_total"})
        BOOST_TEST(page.at(fmt::format(R"(supe_webhooks_{}{{route="default"}})", name)) == 0, name);
    BOOST_TEST(page.at(R"(supe_ledger_difference{route="default"})") == 0);
    BOOST_TEST(page.at(R"(supe_oldest_webhook_seconds{route="b"})") == 0);
    BOOST_TEST(page.at(R"(supe_circuit_open{route="b"})") == 0);
    BOOST_TEST(page.at(R"(supe_route_paused{route="b"})") == 0);
    BOOST_TEST(page.at(R"(supe_connections_limit{route="b"})") == 7);
    BOOST_TEST(page.at(R"(supe_delivery_attempts_total{route="b",code_class="none"})") == 0);
    BOOST_TEST(page.at(R"(supe_delivery_duration_seconds_count{route="b"})") == 0);
    BOOST_TEST(page.at(R"(supe_up{component="queue"})") == 1);
    BOOST_TEST(page.at("supe_store_writable") == 1);
    BOOST_TEST(page.at("supe_queue_bytes") == 0);
    BOOST_TEST(page.at("supe_queue_limit_bytes") == 1 << 20);
    BOOST_TEST(page.at(R"(supe_build_info{version="1.0.0"})") == 1);
    BOOST_TEST(r.objection() == "");
}

// Its numbers are there while it delivers what it has.
BOOST_AUTO_TEST_CASE(a_lost_file) {
    relay r;
    r.take({webhook("a")});
    std::filesystem::remove(r.directory / "queue.db");
    const auto page = r.page();
    BOOST_TEST(page.at("supe_store_writable") == 0);
    BOOST_TEST(page.at(R"(supe_webhooks_queued{route="default"})") == 1);
    BOOST_TEST(r.objection() == (r.directory / "queue.db").string() +
                                    " was deleted, moved or replaced under the running queue");
}

BOOST_AUTO_TEST_CASE(a_life) {
    relay r;
    r.take({webhook("a"), webhook("b"), webhook("c"), webhook("d")});
    r.mark_delivery();
    r.now += 90s;
    r.take({result("a", 1, 200, R"(,"ms":7)"), result("b", 1, 500, R"(,"ms":40000)"),
            result("c", 1, 0, R"(,"ms":5)")});
    r.take({result("c", 1, 0, R"(,"ms":5)")});  // reported twice, and counted once
    r.take({webhook("x", 10, R"("route":"b",)")});
    const auto page = r.page();
    BOOST_TEST(page.at(R"(supe_webhooks_accepted_total{route="default"})") == 4);
    BOOST_TEST(page.at(R"(supe_webhooks_accepted_total{route="b"})") == 1);
    BOOST_TEST(page.at(R"(supe_webhooks_delivered_total{route="default"})") == 1);
    BOOST_TEST(page.at(R"(supe_webhooks_queued{route="default"})") == 3);
    BOOST_TEST(page.at(R"(supe_webhooks_failed{route="default"})") == 2);
    BOOST_TEST(page.at(R"(supe_webhooks_in_flight{route="default"})") == 1);
    BOOST_TEST(page.at(R"(supe_oldest_webhook_seconds{route="default"})") == 90);
    BOOST_TEST(page.at(R"(supe_oldest_webhook_seconds{route="b"})") == 0);
    const std::string attempts = R"(supe_delivery_attempts_total{route="default",code_class=")";
    BOOST_TEST(page.at(attempts + "2xx\"}") == 1);
    BOOST_TEST(page.at(attempts + "5xx\"}") == 1);
    BOOST_TEST(page.at(attempts + "none\"}") == 1);
    const std::string bucket = R"(supe_delivery_duration_seconds_bucket{route="default",le=")";
    BOOST_TEST(page.at(bucket + "0.005\"}") == 1);
    BOOST_TEST(page.at(bucket + "0.01\"}") == 2);
    BOOST_TEST(page.at(bucket + "30\"}") == 2);
    BOOST_TEST(page.at(bucket + "+Inf\"}") == 3);
    BOOST_TEST(page.at(R"(supe_delivery_duration_seconds_count{route="default"})") == 3);
    BOOST_TEST(page.at(R"(supe_delivery_duration_seconds_sum{route="default"})") == 40.012,
               boost::test_tools::tolerance(1e-9));
    BOOST_TEST(page.at(R"(supe_requests_total{code="200"})") == 12);
    BOOST_TEST(page.at(R"(supe_verification_failures_total{route="b"})") == 3);
    BOOST_TEST(page.at("supe_listeners_down") == 1);
    const std::string ends = "supe_certificate_expiry_timestamp_seconds";
    BOOST_TEST(page.at(ends + R"({certificate="/etc/relay.pem"})") == 1'900'000'000);
    BOOST_TEST(page.at(R"(supe_component_restarts_total{component="queue"})") == 2);
    BOOST_TEST(page.at(R"(supe_component_restarts_total{component="dam"})") == 1);
}

// A replay takes nothing from what was delivered: a counter never falls.
BOOST_AUTO_TEST_CASE(a_replay) {
    relay r;
    r.take({webhook("a")});
    r.mark_delivery();
    r.take({result("a", 1, 200)});
    const std::string delivered = R"(supe_webhooks_delivered_total{route="default"})";
    BOOST_TEST(r.page().at(delivered) == 1);
    r.take({R"({"webhooks":{"what":"replay","id":"a"}})"});
    const auto page = r.page();
    BOOST_TEST(page.at(delivered) == 1);
    BOOST_TEST(page.at(R"(supe_webhooks_replayed_total{route="default"})") == 1);
    BOOST_TEST(page.at(R"(supe_ledger_difference{route="default"})") == 0);
    r.mark_delivery();
    r.take({result("a", 2, 200)});
    BOOST_TEST(r.page().at(delivered) == 2);
}

// Who does not answer is said, and the rest is there all the same.
BOOST_AUTO_TEST_CASE(silence) {
    relay r;
    r.numbers.queue.problem = "does not answer";
    auto page = support::metrics_page(components::metrics_text(r.numbers));
    BOOST_TEST(page.at(R"(supe_up{component="queue"})") == 0);
    BOOST_TEST(page.at(R"(supe_up{component="http_server"})") == 1);
    BOOST_TEST(!page.has_family("supe_queue_bytes"));
    BOOST_TEST(page.at(R"(supe_requests_total{code="200"})") == 12);
    r.numbers.http_server.problem = r.numbers.tree.problem = "does not answer";
    page = support::metrics_page(components::metrics_text(r.numbers));
    BOOST_TEST(page.size() == 3u);
    // Answers of any form are no reason to crash.
    for (const char* odd : {"null", "[]", "7", R"({"routes":7,"bounds_ms":{},"error":3})",
                            R"({"routes":{"a":7,"b":{"durations":[],"attempts":3}}})"}) {
        const given_answer answer{json::parse(odd), ""};
        support::metrics_page(components::metrics_text({answer, answer, answer}));
        components::objection_to_webhooks({answer, answer, answer});
    }
}

BOOST_AUTO_TEST_CASE(readiness) {
    relay r;
    BOOST_TEST(r.objection() == "");
    r.free = 1000;
    BOOST_TEST(r.objection() == "the disk is nearly full");
    r.free = std::uint64_t(1) << 40;
    r.take({webhook("a", (1 << 19) - 100), webhook("b", (1 << 19) - 100, R"("route":"b",)"),
            webhook("c", 50), webhook("d", 50, R"("route":"b",)")});
    r.limits.bytes = r.store->counts().bytes;
    r.open();
    BOOST_TEST(r.objection() == "the queue is full");
    const given_answer good{json::parse(R"({"refuses":""})"), ""},
        silent{nullptr, "does not answer"};
    const auto tree = [](const std::string& root, const std::string& server) {
        return given_answer{
            json::object{{"state", root},
                         {"children", {json::object{{"name", "http_server"}, {"state", server}}}}},
            ""};
    };
    const auto objection_to = [&](const given_answer& queue, const given_answer& of_tree,
                                  const given_answer& server) {
        components::relay_numbers numbers;
        numbers.queue = queue;
        numbers.tree = of_tree;
        numbers.http_server = server;
        return components::objection_to_webhooks(numbers);
    };
    BOOST_TEST(objection_to(good, tree("running", "running"), good) == "");
    BOOST_TEST(objection_to(good, tree("stopping", "running"), good) == "draining");
    BOOST_TEST(objection_to(good, tree("running", "stopping"), good) == "draining");
    BOOST_TEST(objection_to(good, tree("running", "backing_off"), good) ==
               "http_server is backing_off");
    BOOST_TEST(objection_to(good, silent, good) == "");
    BOOST_TEST(objection_to(silent, silent, good) == "queue: does not answer");
    BOOST_TEST(objection_to(good, silent, silent) == "http_server: does not answer");
    // One listener that works is enough.
    const given_answer half{json::parse(R"({"listeners":["key.pem: gone",""]})"), ""},
        deaf{json::parse(R"({"listeners":["key.pem: gone","other.pem: gone"]})"), ""};
    BOOST_TEST(objection_to(good, silent, half) == "");
    BOOST_TEST(objection_to(good, silent, deaf) ==
               "no listener takes connections: TLS: key.pem: gone");
    const given_answer cut_off{json::parse(R"({"unkept":"no line to the queue: s: gone"})"), ""};
    BOOST_TEST(objection_to(good, silent, cut_off) == "http_server: no line to the queue: s: gone");
    const given_answer failed{json::parse(R"({"error":"queue.db: disk I/O error"})"), ""};
    BOOST_TEST(objection_to(failed, silent, good) ==
               "the store takes no webhook: queue.db: disk I/O error");
}

// The files for Prometheus and Grafana, and the page that explains the metrics.
BOOST_AUTO_TEST_CASE(rules_and_dashboard) {
    relay r;
    const auto page = r.page();
    for (const char* name : {"alerts.yml", "dashboard.json"}) {
        const std::string text = text_of(name);
        BOOST_TEST(text.size() > 1000u, name);
        const auto unknown = unknown_in(text, page);
        BOOST_TEST(unknown.empty(), fmt::format("{}: {}", name, fmt::join(unknown, ", ")));
    }
    const json::value dashboard = json::parse(text_of("dashboard.json"));
    BOOST_TEST(dashboard.at("panels").as_array().size() > 5u);
    std::ifstream in(std::string(SUPE_SOURCE_DIR) + "/components/admin/README.md");
    const std::string guide{std::istreambuf_iterator<char>(in), {}};
    for (const auto& [name, type] : page.types())
        BOOST_TEST(guide.find("`" + name) != guide.npos, name + " is not explained");
    BOOST_TEST(unknown_in(guide, page).empty(),
               fmt::format("{}", fmt::join(unknown_in(guide, page), ", ")));
}

BOOST_AUTO_TEST_SUITE_END()
