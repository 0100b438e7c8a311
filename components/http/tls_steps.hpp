// A step of TLS, with the waits between its tries.
#pragma once

#include "components/http/tcp_socket.hpp"
#include "components/http/tls_session.hpp"

#include <boost/asio/post.hpp>

namespace components {

/// Tries `step(tls)` until it is done. It takes a turn of the event loop at least, as an operation
/// of a socket does: a peer that is quick must not keep the others waiting. `may_wait()` is asked
/// before each wait; where it says no, memory has run out.
template <class Step, class MayWait>
supe::awaitable<transfer> over_tls(tls_session& tls, tcp_socket& socket, Step step,
                                   MayWait may_wait) {
    for (bool has_waited = false;; has_waited = true) {
        const tls_step tried = step(tls);
        if (tried.needs == tls_need::nothing) {
            if (!has_waited) co_await boost::asio::post(socket.get_executor(), supe::use_awaitable);
            co_return tried.done;
        }
        if (!may_wait()) co_return transfer{make_error_code(boost::asio::error::no_memory)};
        const auto what =
            tried.needs == tls_need::input ? tcp_socket::wait_read : tcp_socket::wait_write;
        const auto [failed] = co_await socket.async_wait(what, as_result);
        if (failed) co_return transfer{failed};
    }
}

template <class Step>
supe::awaitable<transfer> over_tls(tls_session& tls, tcp_socket& socket, Step step) {
    return over_tls(tls, socket, step, [] { return true; });
}

}  // namespace components
