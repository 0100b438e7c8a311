// A client that sends exactly the bytes of the test, and returns the bytes that come back.
#pragma once

#include "tests/support/event_loop.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <string>
#include <string_view>

namespace support {

/// Takes from the beginning of `text` what ends with `enough`; all of it where that is not in it.
inline std::string take_through(std::string& text, std::string_view enough) {
    const auto at = text.find(enough);
    const std::size_t n = at == text.npos ? text.size() : at + enough.size();
    std::string taken = text.substr(0, n);
    text.erase(0, n);
    return taken;
}

class raw_client {
public:
    raw_client(event_loop& loop, unsigned short port) : loop_(loop), socket_(loop.io) {
        socket_.connect({boost::asio::ip::address_v4::loopback(), port});
        socket_.non_blocking(true);
    }

    /// Sends all bytes, however slowly the other side reads; stops when the other side has closed.
    raw_client& say(std::string_view bytes) {
        loop_.until(
            [&] {
                const std::size_t n =
                    socket_.write_some(boost::asio::buffer(bytes.data(), bytes.size()), failed_);
                bytes.remove_prefix(n);
                return bytes.empty() || (failed_ && failed_ != boost::asio::error::would_block);
            },
            std::chrono::seconds(20));
        return *this;
    }
    /// Ends the writing half.
    raw_client& finish() {
        socket_.shutdown(boost::asio::ip::tcp::socket::shutdown_send, failed_);
        return *this;
    }
    void hang_up() { socket_.close(); }

    /// The bytes since the last call, up to and including `enough`.
    std::string receive(std::string_view enough) {
        loop_.until([&] { return read() || unread_.find(enough) != unread_.npos; },
                    std::chrono::seconds(20));
        return take_through(unread_, enough);
    }
    /// All bytes until the other side closes, with a mark for how it did: `(end)`, `(reset)` or
    /// `(still open)`.
    std::string read_all() {
        const bool ended = loop_.until([&] { return read(); }, std::chrono::seconds(20));
        return std::exchange(unread_, {}) + (!ended                               ? "(still open)"
                                             : failed_ == boost::asio::error::eof ? "(end)"
                                                                                  : "(reset)");
    }
    bool is_open() {
        read();
        return !closed_;
    }

private:
    /// True when the other side has closed.
    bool read() {
        char buffer[16384];
        for (std::size_t n = 1; n > 0 && !closed_;) {
            n = socket_.read_some(boost::asio::buffer(buffer), failed_);
            unread_.append(buffer, n);
            closed_ = failed_ && failed_ != boost::asio::error::would_block;
        }
        return closed_;
    }

    event_loop& loop_;
    boost::asio::ip::tcp::socket socket_;
    boost::system::error_code failed_;
    std::string unread_;
    bool closed_ = false;
};

}  // namespace support
