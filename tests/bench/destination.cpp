#include "tests/bench/destination.hpp"

#include "tests/bench/bench.hpp"
#include "tests/bench/http_load.hpp"

#include <sstream>
#include <string>

namespace bench {

destination::destination(const std::filesystem::path& log, std::uint16_t port)
    : port_(port), runs_({child_program("bench_beast"), std::to_string(port_)}, log) {
    wait_until([this] { return !ask_http(port_).empty(); }, "the destination does not start");
}

destination::figures destination::seen() const {
    const std::string answer = ask_http(port_);
    figures f;
    std::istringstream(answer.substr(answer.find("\r\n\r\n") + 4)) >> f.count >> f.p50_ms >>
        f.p95_ms;
    f.p50_ms /= 1000;
    f.p95_ms /= 1000;
    return f;
}

}  // namespace bench
