// Shows the whole table of states and events of a webhook.
#include "components/queue/webhook_state.hpp"

#include <boost/test/unit_test.hpp>
#include <string>

BOOST_AUTO_TEST_SUITE(webhook_state)

// A row a state, a column an event; `-` where it does not concern such a webhook.
BOOST_AUTO_TEST_CASE(every_cell) {
    constexpr const char* names[] = {"waiting", "failed", "dead", "behind", "kept", "gone"};
    //                        arrived arrived_behind delivered delivered_and_kept tried died revived
    //                        revived_behind dropped turn expired
    constexpr const char* rows[] = {
        "- - gone kept failed dead - - gone - - ",   "- - gone kept failed dead - - gone - - ",
        "- - gone kept - - failed behind gone - - ", "- - gone kept - dead - - gone waiting - ",
        "- - - - - - failed behind gone - gone ",    "waiting behind - - - - - - - - - "};
    for (int from = 0; from < 6; ++from) {
        std::string row;
        for (int event = 0; event < 11; ++event) {
            const auto next = components::after(static_cast<components::webhook_state>(from),
                                                static_cast<components::webhook_event>(event));
            row += std::string(next ? names[static_cast<int>(*next)] : "-") + " ";
        }
        BOOST_TEST(row == rows[from], names[from]);
    }
}

BOOST_AUTO_TEST_SUITE_END()
