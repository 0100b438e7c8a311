#include "components/admin/admin.hpp"

#include "components/admin/admin_access.hpp"
#include "components/admin/relay_numbers.hpp"
#include "components/admin/tree_status.hpp"
#include "components/verification/keys.hpp"
#include "supe/process/listen_address.hpp"
#include "supe/text/config.hpp"

#include <boost/json/object.hpp>

namespace components {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr auto age_of_numbers = 1s;
constexpr auto age_of_status = 100ms;  // that the relay drains is to be seen at once

struct admin_settings {
    std::string address = "127.0.0.1:9900";
    std::vector<std::string> hosts{};
    std::string token{};  ///< empty: none is asked for
    std::string queue = "queue", http_server = "/http_server";
};

/// What `use` throws is an error of this value.
template <class F>
auto checked(const supe::field_reader& in, const supe::located_value& v, F use) {
    try {
        return use(in.string(v));
    } catch (const std::exception& e) {
        in.fail(v.position, e.what());
    }
}

admin_settings admin_settings_in(const json::value& config) {
    admin_settings s;
    supe::read_config(config,
                      {{"address",
                        [&](auto& in, auto& x) {
                            checked(in, x, supe::parse_listen_address);
                            s.address = in.string(x);
                        }},
                       {"hosts", [&](auto& in, auto& x) { s.hosts = in.strings(x); }},
                       {"token_file",
                        [&](auto& in, auto& x) {
                            s.token = checked(in, x, [](const std::string& file) {
                                return read_secret(file, "a token");
                            });
                        }},
                       {"token_written", [](auto&, auto&) {}},  // another one is another config
                       {"queue", [&](auto& in, auto& x) { s.queue = in.string(x); }},
                       {"http_server", [&](auto& in, auto& x) { s.http_server = in.string(x); }}});
    return s;
}

/// A call that is answered with JSON.
question::ask_function call_of(supe::component& self, std::string to, std::string request) {
    return [&self, to = std::move(to), request = std::move(request)] {
        const auto ask = [](supe::component& by, std::string address,
                            std::string text) -> supe::awaitable<json::value> {
            supe::mail answer = co_await by.call(std::move(address), std::move(text));
            co_return answer.value();
        };
        return ask(self, to, request);
    };
}

/// Whom it asks.
struct relay_watch {
    supe::clock& time;
    admin_access access;
    question queue, http_server, tree;

    relay_watch(supe::component& self, const admin_settings& s)
        : time(self.time()), access(s.address, s.hosts, s.token),
          queue(time, call_of(self, s.queue, R"({"metrics":true})")),
          http_server(time, call_of(self, s.http_server, R"({"counters":true})")),
          tree(time, [&self] { return tree_status(self); }) {}
};

supe::awaitable<> get_newest(question& from, supe::duration age, given_answer& answer) {
    answer = co_await from.newest(age);
}

/// Asks all at once. `age_of_tree`: how old the tree's status may be.
supe::awaitable<relay_numbers> newest_numbers(relay_watch& w, supe::duration age_of_tree) {
    relay_numbers numbers;
    supe::nursery all(w.time);
    all.start(get_newest(w.queue, age_of_numbers, numbers.queue));
    all.start(get_newest(w.http_server, age_of_numbers, numbers.http_server));
    all.start(get_newest(w.tree, age_of_tree, numbers.tree));
    co_await all.join();
    co_return numbers;
}

supe::awaitable<http_answer> tell_readiness(relay_watch& w) {
    const relay_numbers numbers = co_await newest_numbers(w, age_of_status);
    const std::string why = objection_to_webhooks(numbers);
    if (why.empty()) co_return http_answer{200, "ready\n", {}};
    co_return http_answer{503, why + "\n", {}};
}

supe::awaitable<http_answer> tell_numbers(relay_watch& w) {
    const relay_numbers numbers = co_await newest_numbers(w, age_of_numbers);
    co_return http_answer{200, metrics_text(numbers), {}, metrics_type};
}

supe::awaitable<http_answer> answer_request(relay_watch& w, http_request request) {
    if (auto refused = w.access.refusal_of(request)) co_return std::move(*refused);
    const std::string path(path_of(request.target));
    if (path == "/livez") co_return http_answer{200, "alive\n", {}};
    if (path == "/readyz") co_return co_await tell_readiness(w);
    if (path == "/metrics") co_return co_await tell_numbers(w);
    co_return http_answer{404, "there are /livez, /readyz and /metrics\n", {}};
}

}  // namespace

supe::awaitable<> admin(supe::component& self) {
    const json::value config = co_await self.config();
    relay_watch watch(self, admin_settings_in(config));
    http_limits limits;
    limits.body = 4 << 10;
    limits.clients = 512;  // silent ones leave after 2 s: a storm of them keeps few out
    const http_handler handler = [&watch](http_request request) {
        return answer_request(watch, std::move(request));
    };
    const auto body = [&](supe::nursery& all) -> supe::awaitable<> {
        all.start(watch.queue.run());
        all.start(watch.http_server.run());
        all.start(watch.tree.run());
        co_await serve_http(self, supe::listening_sockets(), limits, handler);
        all.cancel();
    };
    co_await supe::with_nursery(self.time(), body);
}

}  // namespace components
