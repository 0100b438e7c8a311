// Shows that each of those who look for a destination's addresses gets an answer, whoever asks
// meanwhile.
#include "components/http/name_lookup.hpp"
#include "tests/support/virtual_loop.hpp"

#include <boost/asio/post.hpp>
#include <boost/test/unit_test.hpp>

using namespace std::chrono_literals;

namespace {

/// A resolver that answers in the next turn.
class quick_network final : public components::delivery_network {
public:
    supe::awaitable<std::vector<std::string>> resolve(supe::clock& time,
                                                      const components::http_destination&,
                                                      std::string& error) override {
        co_await boost::asio::post(time.executor(), supe::use_awaitable);
        if (!has_address) error = "no such name";
        std::vector<std::string> peers;
        if (has_address) peers.emplace_back("127.0.0.1:80");
        co_return peers;
    }
    std::unique_ptr<components::delivery_connection> make_connection(
        supe::clock&, const components::http_destination&, components::tls_authorities) override {
        return nullptr;
    }
    bool has_address = true;
};

struct scene {
    support::virtual_loop loop;
    quick_network network;
    components::name_lookup names{loop.time(), components::parse_destination("http://app"),
                                  network};
    int found = 0, refused = 0, silent = 0;

    /// Looks for the addresses again and again, with so many turns between.
    supe::awaitable<> look(int times, int turns) {
        for (int n = 0; n < times; ++n) {
            std::string error;
            const supe::time_point until = loop.now() + 1s;
            const auto peers = co_await names.find(until, error);
            if (!peers.empty())
                ++found;
            else
                ++(error.empty() ? silent : refused);
            for (int turn = 0; turn < turns; ++turn)
                co_await boost::asio::post(loop.time().executor(), supe::use_awaitable);
        }
    }
    void run() {
        for (int who = 0; who < 5; ++who) loop.start(look(200, who));
        loop.run_ready();
        loop.stop();
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(name_lookup)

// One who asks when an answer has just come does not take it from those who have not seen it yet.
BOOST_AUTO_TEST_CASE(each_has_its_answer) {
    scene s;
    s.run();
    BOOST_TEST(s.found == 1000);
}

// No answer is without a reason.
BOOST_AUTO_TEST_CASE(each_has_its_reason) {
    scene s;
    s.network.has_address = false;
    s.run();
    BOOST_TEST(s.refused == 1000);
    BOOST_TEST(s.silent == 0);
}

BOOST_AUTO_TEST_SUITE_END()
