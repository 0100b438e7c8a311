// The peer of journaled mail: `bench_rabbitmq publisher|consumer PORT [MAILS]`, two processes on
// one durable queue. They report times to the pipe BENCH_FIFO: first when they are ready; then, for
// each round, the publisher's first message and its last confirm, and the consumer's last ack. A
// round begins with SIGUSR2 to the publisher.
#include "tests/bench/birth.hpp"

#include <amqp.h>
#include <amqp_tcp_socket.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr amqp_channel_t channel = 1;
constexpr std::uint16_t prefetch = 1024;  // messages in flight, as the window of our own receiver
constexpr std::uint64_t ack_every = 256;  // one ack for so many, or for all that have arrived
constexpr std::uint8_t persistent = 2;
const amqp_bytes_t queue = amqp_cstring_bytes("bench");

void report() {
    static const int fd = ::open(std::getenv("BENCH_FIFO"), O_WRONLY | O_CLOEXEC);
    const bench::birth now{bench::monotonic_ns(), ::getpid()};
    if (::write(fd, &now, sizeof now) != sizeof now) throw std::runtime_error("BENCH_FIFO");
}

void check(int status, const char* what) {
    if (status != AMQP_STATUS_OK)
        throw std::runtime_error(fmt::format("{}: {}", what, amqp_error_string2(status)));
}

void check(const amqp_rpc_reply_t& reply, const char* what) {
    if (reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION)
        throw std::runtime_error(fmt::format("{}: refused", what));
    if (reply.reply_type != AMQP_RESPONSE_NORMAL) check(reply.library_error, what);
}

/// Opens a connection and declares the queue. The connection ends with the process.
amqp_connection_state_t connect(int port) {
    amqp_connection_state_t to = amqp_new_connection();
    check(amqp_socket_open(amqp_tcp_socket_new(to), "127.0.0.1", port), "connecting");
    check(amqp_login(to, "/", 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, "guest", "guest"), "login");
    amqp_channel_open(to, channel);
    check(amqp_get_rpc_reply(to), "channel");
    constexpr bool durable = true;
    amqp_queue_declare(to, channel, queue, false, durable, false, false, amqp_empty_table);
    check(amqp_get_rpc_reply(to), "queue");
    return to;
}

/// The messages that the server has confirmed. It numbers the messages of a channel from 1
/// (confirm.select).
class confirms {
public:
    void expect(std::uint64_t more) { known_.resize(known_.size() + more); }
    bool all() const { return up_to_ == known_.size(); }

    void take(const amqp_method_t& method) {
        if (method.id != AMQP_BASIC_ACK_METHOD)
            throw std::runtime_error("a message is not confirmed");
        const auto& ack = *static_cast<const amqp_basic_ack_t*>(method.decoded);
        if (ack.multiple)
            for (std::uint64_t tag = up_to_ + 1; tag <= ack.delivery_tag; ++tag)
                known_.at(tag - 1) = true;
        known_.at(ack.delivery_tag - 1) = true;
        while (up_to_ < known_.size() && known_[up_to_]) ++up_to_;
    }

private:
    std::vector<bool> known_;
    std::uint64_t up_to_ = 0;  // all up to this number are confirmed
};

/// Takes a confirm, if it comes within `time`. Null waits for it.
bool take_confirm(amqp_connection_state_t from, confirms& them, const timeval* time) {
    amqp_frame_t frame;
    const int status = amqp_simple_wait_frame_noblock(from, &frame, time);
    if (status == AMQP_STATUS_TIMEOUT) return false;
    check(status, "a confirm");
    if (frame.frame_type == AMQP_FRAME_METHOD) them.take(frame.payload.method);
    return true;
}

void publish(int port, int mails) {
    sigset_t go;
    ::sigemptyset(&go);
    ::sigaddset(&go, SIGUSR2);
    ::sigprocmask(SIG_BLOCK, &go, nullptr);
    amqp_connection_state_t to = connect(port);
    amqp_confirm_select(to, channel);
    check(amqp_get_rpc_reply(to), "confirms");
    amqp_basic_properties_t properties{};
    properties._flags = AMQP_BASIC_DELIVERY_MODE_FLAG;
    properties.delivery_mode = persistent;
    const std::string body = "\"m" + std::string(253, 'x') + "\"",
                      last = "\"!" + std::string(253, 'x') + "\"";
    confirms confirmed;
    report();
    for (int signal = 0; ::sigwait(&go, &signal) == 0;) {
        report();
        confirmed.expect(static_cast<std::uint64_t>(mails));
        for (int i = 1; i <= mails; ++i) {
            const std::string& text = i < mails ? body : last;
            check(amqp_basic_publish(to, channel, amqp_empty_bytes, queue, false, false,
                                     &properties, {text.size(), const_cast<char*>(text.data())}),
                  "publishing");
            // Takes the confirms that have arrived already, so that the server never waits for us.
            for (const timeval none{}; i % 64 == 0 && take_confirm(to, confirmed, &none);) {}
        }
        while (!confirmed.all()) take_confirm(to, confirmed, nullptr);
        report();
        amqp_maybe_release_buffers(to);
    }
}

void consume(int port) {
    amqp_connection_state_t from = connect(port);
    amqp_basic_qos(from, channel, 0, prefetch, false);
    check(amqp_get_rpc_reply(from), "prefetch");
    constexpr bool no_ack = false;
    amqp_basic_consume(from, channel, queue, amqp_empty_bytes, false, no_ack, false,
                       amqp_empty_table);
    check(amqp_get_rpc_reply(from), "consuming");
    report();
    for (std::uint64_t acked = 0;;) {
        amqp_envelope_t mail;
        check(amqp_consume_message(from, &mail, nullptr, 0), "a message");
        const std::uint64_t tag = mail.delivery_tag;
        const bool is_last = static_cast<const char*>(mail.message.body.bytes)[1] == '!';
        amqp_destroy_envelope(&mail);
        const bool more = amqp_frames_enqueued(from) || amqp_data_in_buffer(from);
        if (!is_last && more && tag - acked < ack_every) continue;
        check(amqp_basic_ack(from, channel, acked = tag, true), "an ack");
        if (is_last) report();
        amqp_maybe_release_buffers(from);
    }
}

}  // namespace

int main(int argc, char** argv) try {
    if (argc < 3) return 2;
    const std::string_view role = argv[1];
    if (role == "consumer") consume(std::atoi(argv[2]));
    if (role == "publisher" && argc > 3) publish(std::atoi(argv[2]), std::atoi(argv[3]));
    return 2;
} catch (const std::exception& error) {
    fmt::print(stderr, "bench_rabbitmq: {}\n", error.what());
    return 1;
}
