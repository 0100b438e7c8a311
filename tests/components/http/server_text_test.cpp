// Shows how the HTTP server writes its answers.
#include "components/http/server_text.hpp"

#include <boost/test/unit_test.hpp>

using components::answer_part;
using components::connection_after;
using components::http_answer;

namespace {

/// RFC 9110's own example, `Sun, 06 Nov 1994 08:49:37 GMT`.
constexpr std::chrono::system_clock::time_point example{std::chrono::seconds(784111777)};

}  // namespace

BOOST_AUTO_TEST_SUITE(server_text)

// Status with its reason, date, length, further fields, text.
BOOST_AUTO_TEST_CASE(answers) {
    const http_answer answer{200, "kept\n", {{"X-Own", "1"}}};
    const std::string head =
        "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/plain\r\n"
        "Content-Length: 5\r\nConnection: keep-alive\r\nX-Own: 1\r\n\r\n";
    BOOST_TEST(components::text_of(answer, connection_after::kept, answer_part::whole, example) ==
               head + "kept\n");
    BOOST_TEST(components::text_of(answer, connection_after::kept, answer_part::head, example) ==
               head);
    const std::string busy =
        components::text_of(components::unavailable("busy\n"), connection_after::closed,
                            answer_part::whole, example + std::chrono::seconds(1));
    BOOST_TEST(
        busy.starts_with("HTTP/1.1 503 Service Unavailable\r\n"
                         "Date: Sun, 06 Nov 1994 08:49:38 GMT\r\n"));
    BOOST_TEST(busy.ends_with("Connection: close\r\nRetry-After: 5\r\n\r\nbusy\n"));
    const std::string odd = components::text_of(http_answer{299, "", {}}, connection_after::closed,
                                                answer_part::whole, example);
    BOOST_TEST(odd.starts_with("HTTP/1.1 299 \r\n"));
}

BOOST_AUTO_TEST_SUITE_END()
