// A client that says exactly what the test says, byte by byte, and hears what comes back.
#pragma once

#include "tests/support/event_loop.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <string>
#include <string_view>

namespace support {

class raw_client {
public:
    raw_client(event_loop& loop, unsigned short port) : loop_(loop), socket_(loop.io) {
        socket_.connect({boost::asio::ip::address_v4::loopback(), port});
        socket_.non_blocking(true);
    }

    /// Sends all of it, however slowly the other side reads; stops where that has hung up.
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
    /// No more will be said.
    raw_client& finish() {
        socket_.shutdown(boost::asio::ip::tcp::socket::shutdown_send, failed_);
        return *this;
    }
    void hang_up() { socket_.close(); }

    /// What has come since the last call, up to and with `enough`.
    std::string hear(std::string_view enough) {
        loop_.until([&] { return read() || heard_.find(enough) != heard_.npos; },
                    std::chrono::seconds(20));
        const auto at = heard_.find(enough);
        const std::size_t n = at == heard_.npos ? heard_.size() : at + enough.size();
        std::string said = heard_.substr(0, n);
        heard_.erase(0, n);
        return said;
    }
    /// All that comes until the other side hangs up, with a mark for how it did: `(end)`, `(reset)`
    /// or `(still open)`.
    std::string read_all() {
        const bool ended = loop_.until([&] { return read(); }, std::chrono::seconds(20));
        return std::exchange(heard_, {}) + (!ended                               ? "(still open)"
                                            : failed_ == boost::asio::error::eof ? "(end)"
                                                                                 : "(reset)");
    }
    bool is_open() {
        read();
        return !closed_;
    }

private:
    /// True when the other side has hung up.
    bool read() {
        char buffer[16384];
        for (std::size_t n = 1; n > 0 && !closed_;) {
            n = socket_.read_some(boost::asio::buffer(buffer), failed_);
            heard_.append(buffer, n);
            closed_ = failed_ && failed_ != boost::asio::error::would_block;
        }
        return closed_;
    }

    event_loop& loop_;
    boost::asio::ip::tcp::socket socket_;
    boost::system::error_code failed_;
    std::string heard_;
    bool closed_ = false;
};

}  // namespace support
