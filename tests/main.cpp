#define BOOST_TEST_MODULE supe
#include <boost/test/unit_test.hpp>
