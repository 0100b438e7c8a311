// Shows which times of providers are read, and where such a time can have no character of its
// neighbour.
#include "components/verification/signed_time.hpp"

#include <boost/test/unit_test.hpp>

using components::ends_before;
using components::time_in;

namespace {

/// In ms; -1 where it is no time.
std::int64_t read(const char* text) {
    const auto at = time_in(text);
    return at ? at->count() : -1;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(signed_time)

BOOST_AUTO_TEST_CASE(forms) {
    BOOST_TEST(read("1700000000") == 1700000000000);
    BOOST_TEST(read("1700000000123") == 1700000000123);
    BOOST_TEST(read("2021-03-25T05:09:27Z") == 1616648967000);
    BOOST_TEST(read("2021-03-25T05:09:27.123456789Z") == 1616648967123);
    BOOST_TEST(read("2021-03-25T05:09:27.5Z") == 1616648967500);
    for (const char* none :
         {"", "-1", "1.5", "soon", "2021-03-25", "2021-03-25T05:09Z", "2021-03-25T05:09:27",
          "2021-03-25 05:09:27Z", "2021-03-25T05:09:27.Z", "2021-02-30T05:09:27Z",
          "2021-03-25T24:09:27Z", "2021-03-25T05:09:27+01:00", "2021-03-25T05:09:27ZZ"})
        BOOST_TEST(read(none) == -1, none);
}

// A number might have taken a digit of what follows, or given it one; a whole date ends with its Z.
BOOST_AUTO_TEST_CASE(ends) {
    BOOST_TEST(ends_before("1700000000", "{}"));
    BOOST_TEST(!ends_before("1700000000", "1{}"));
    BOOST_TEST(!ends_before("170000000", "{}"));
    BOOST_TEST(ends_before("2021-03-25T05:09:27Z", "1{}"));
    BOOST_TEST(!ends_before("2021-03-25T05:09:27", "Z{}"));
}

BOOST_AUTO_TEST_SUITE_END()
