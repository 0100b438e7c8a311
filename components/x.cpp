#include "supe/async/awaitable.hpp"
