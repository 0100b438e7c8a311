// Compiled once for all tests: Boost.Test, and what our own headers include.
#pragma once

#include <boost/test/unit_test.hpp>
#include "supe/async/precompiled.hpp"
