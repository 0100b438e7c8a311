// Shows the whole table of states and events of a webhook.
#include "components/queue/webhook_state.hpp"

#include <boost/test/unit_test.hpp>
#include <string>

BOOST_AUTO_TEST_SUITE(webhook_state)

// A row a state, a column an event; `-` where it does not concern such a webhook.
BOOST_AUTO_TEST_CASE(every_cell) {
    constexpr const char* names[] = {"waiting", "failed", "dead", "behind", "gone"};
    //                        arrived arrived_behind delivered tried died revived revived_behind
    //                        dropped turn
    constexpr const char* rows[] = {
        "- - gone failed dead - - gone - ", "- - gone failed dead - - gone - ",
        "- - gone - - failed behind gone - ", "- - gone - dead - - gone waiting ",
        "waiting behind - - - - - - - "};
    for (int from = 0; from < 5; ++from) {
        std::string row;
        for (int event = 0; event < 9; ++event) {
            const auto next = components::after(static_cast<components::webhook_state>(from),
                                                static_cast<components::webhook_event>(event));
            row += std::string(next ? names[static_cast<int>(*next)] : "-") + " ";
        }
        BOOST_TEST(row == rows[from], names[from]);
    }
}

BOOST_AUTO_TEST_SUITE_END()
