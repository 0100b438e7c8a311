// Shows the channel over a real socketpair: frames both ways, a slow reader, a large frame, last
// words and a peer that is gone.
#include "supe/channel/channel.hpp"
#include "tests/support/virtual_loop.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <boost/test/unit_test.hpp>

using namespace std::chrono_literals;
using supe::awaitable;

using support::virtual_loop;
using words = std::vector<std::string>;

namespace {

constexpr std::size_t limit = 1 << 20;  // bytes, of frames here

struct pair {
    pair() {
        int fds[2];
        BOOST_TEST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
        ours.reset(fds[0]);
        theirs.reset(fds[1]);
    }
    supe::unique_fd ours, theirs;
};

/// One end of a channel; run() turns it until the other end is gone.
struct end {
    end(virtual_loop& loop, supe::unique_fd fd, supe::channel::side side)
        : wire(loop.time(), std::move(fd), side, limit) {}

    static awaitable<> run(std::shared_ptr<end> e) {
        for (;;) {
            const bool more = co_await e->wire.turn(e->sink);
            if (!more) break;
            ++e->turns;
        }
        e->gone = true;
    }
    void send(std::string_view frames) {
        wire.out() += frames;
        wire.flush();
    }

    supe::channel wire;
    words frames;
    supe::channel::frame_sink sink = [this](std::string_view frame) { frames.emplace_back(frame); };
    unsigned turns = 0;
    bool gone = false;
};

void write_all(int fd, std::string_view bytes) {
    BOOST_TEST_REQUIRE(::send(fd, bytes.data(), bytes.size(), MSG_DONTWAIT) ==
                       static_cast<ssize_t>(bytes.size()));
}

std::string read_some(int fd) {
    std::string bytes(1 << 20, '\0');
    const auto n = ::recv(fd, bytes.data(), bytes.size(), MSG_DONTWAIT);
    bytes.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return bytes;
}

std::string frame_of(std::size_t size) { return '"' + std::string(size - 2, 'x') + "\"\n"; }

}  // namespace

BOOST_AUTO_TEST_SUITE(channel)

// Frames go both ways and stay whole, however they are split over reads; flush() alone sends what
// the socket takes.
BOOST_AUTO_TEST_CASE(both_ways) {
    virtual_loop loop;
    pair p;
    const auto e = std::make_shared<end>(loop, std::move(p.ours), supe::channel::side::supervisor);
    loop.start(end::run(e));
    e->send("{\"a\":1}\n2\n");
    BOOST_TEST(e->wire.backlog() == 0u);
    BOOST_TEST(read_some(p.theirs.get()) == "{\"a\":1}\n2\n");
    write_all(p.theirs.get(), "[1]\n{\"cut\":");
    loop.run_ready();
    BOOST_TEST(e->frames == words{"[1]"});
    BOOST_TEST(e->wire.unfinished() == 7u);
    write_all(p.theirs.get(), "2}\n");
    loop.run_ready();
    BOOST_TEST(e->frames == (words{"[1]", "{\"cut\":2}"}));
    p.theirs.reset();
    loop.run_ready();
    BOOST_TEST(e->gone);
}

// The other end keeps its mode: a component's is blocking (contract §2).
BOOST_AUTO_TEST_CASE(the_other_end_stays_blocking) {
    virtual_loop loop;
    pair p;
    const auto e = std::make_shared<end>(loop, std::move(p.ours), supe::channel::side::supervisor);
    loop.start(end::run(e));
    loop.run_ready();
    BOOST_TEST((::fcntl(p.theirs.get(), F_GETFL) & O_NONBLOCK) == 0);
}

// What the socket does not take is kept, in order, and goes out as the reader reads, while frames
// still come in.
BOOST_AUTO_TEST_CASE(a_slow_reader) {
    virtual_loop loop;
    pair p;
    const auto e = std::make_shared<end>(loop, std::move(p.ours), supe::channel::side::supervisor);
    loop.start(end::run(e));
    loop.run_ready();
    std::string sent;
    for (int i = 0; i < 40; ++i) {
        const std::string frame = frame_of(20000 + static_cast<std::size_t>(i));
        sent += frame;
        e->send(frame);
    }
    BOOST_TEST(e->wire.backlog() > 0u);
    write_all(p.theirs.get(), "1\n");
    loop.run_ready();
    BOOST_TEST(e->frames == words{"1"});
    std::string got;
    for (int i = 0; i < 1000 && got.size() < sent.size(); ++i) {
        got += read_some(p.theirs.get());
        loop.run_ready();
    }
    BOOST_TEST((got == sent));
    BOOST_TEST(e->wire.backlog() == 0u);
    const unsigned turns = e->turns;
    loop.run_ready();
    BOOST_TEST(e->turns ==
               turns);  // with nothing to write it does not wait for the socket to be writable
}

// A supervisor stops reading from a side that leaves more than a delivery and a notice of full size
// unread, and goes on when that side reads again.
BOOST_AUTO_TEST_CASE(answers_left_unread) {
    virtual_loop loop;
    pair p;
    const auto e = std::make_shared<end>(loop, std::move(p.ours), supe::channel::side::supervisor);
    loop.start(end::run(e));
    const std::string frame = frame_of(limit);
    for (int i = 0; i < 2; ++i) e->send(frame);
    write_all(p.theirs.get(), "1\n");
    loop.run_ready();
    BOOST_TEST(e->frames == words{"1"});
    for (int i = 0; i < 2; ++i) e->send(frame);
    write_all(p.theirs.get(), "2\n");
    loop.run_ready();
    BOOST_TEST(e->frames == words{"1"});
    while (!read_some(p.theirs.get()).empty()) loop.run_ready();
    BOOST_TEST(e->frames == (words{"1", "2"}));
}

// Two sides that write a frame of full size at once: both arrive, neither waits for the other to
// read first.
BOOST_AUTO_TEST_CASE(large_frames_in_both_directions) {
    virtual_loop loop;
    pair p;
    const auto supervisor =
        std::make_shared<end>(loop, std::move(p.ours), supe::channel::side::supervisor);
    const auto component =
        std::make_shared<end>(loop, std::move(p.theirs), supe::channel::side::component);
    loop.start(end::run(supervisor));
    loop.start(end::run(component));
    std::string many;
    for (int i = 0; i < 10; ++i) many += frame_of(limit);
    supervisor->send(many);
    component->send(many);
    loop.run_ready();
    BOOST_TEST(supervisor->frames.size() == 10u);
    BOOST_TEST(component->frames.size() == 10u);
    BOOST_TEST(supervisor->wire.backlog() + component->wire.backlog() == 0u);
}

// A frame over the limit is dropped and counted; the frames around it arrive.
BOOST_AUTO_TEST_CASE(a_frame_too_long) {
    virtual_loop loop;
    pair p;
    const auto supervisor =
        std::make_shared<end>(loop, std::move(p.ours), supe::channel::side::supervisor);
    const auto component =
        std::make_shared<end>(loop, std::move(p.theirs), supe::channel::side::component);
    loop.start(end::run(supervisor));
    loop.start(end::run(component));
    component->send("1\n" + frame_of(limit) + frame_of(limit + 1) + "2\n");
    loop.run_ready();
    BOOST_TEST(supervisor->frames.size() == 3u);
    BOOST_TEST(supervisor->frames.back() == "2");
    BOOST_TEST(supervisor->wire.take_oversized() == 1u);
}

// The last words of a dead side are what has arrived by then, although a descendant writes on: the
// turn after them is false. What was to be written is dropped.
BOOST_AUTO_TEST_CASE(last_words) {
    virtual_loop loop;
    pair p;
    const auto e = std::make_shared<end>(loop, std::move(p.ours), supe::channel::side::supervisor);
    e->send(frame_of(limit));
    write_all(p.theirs.get(), "1\n2\n{\"cut\"");
    e->wire.end_after_arrived();
    BOOST_TEST(e->wire.backlog() == 0u);
    write_all(p.theirs.get(), "3\n");
    BOOST_TEST(e->wire.take(e->sink));
    BOOST_TEST(!e->wire.take(e->sink));
    BOOST_TEST(e->frames == (words{"1", "2"}));
    BOOST_TEST(e->wire.unfinished() == 6u);
}

// A turn passes on a bounded number of frames, and leaves the rest to the next ones, in order. The
// other coroutines have their turn between.
BOOST_AUTO_TEST_CASE(a_turn_is_bounded) {
    constexpr std::size_t most = supe::channel::frames_per_turn;
    virtual_loop loop;
    pair p;
    const auto e = std::make_shared<end>(loop, std::move(p.ours), supe::channel::side::supervisor);
    std::string text;
    for (std::size_t n = 0; n < 2 * most + 1; ++n) text += std::to_string(n) + "\n";
    write_all(p.theirs.get(), text);
    BOOST_TEST(e->wire.take(e->sink));
    BOOST_TEST(e->frames.size() == most);
    BOOST_TEST(e->wire.has_more());
    loop.start(end::run(e));
    loop.run_ready();
    BOOST_TEST(e->frames.size() == 2 * most + 1);
    BOOST_TEST(e->frames.back() == std::to_string(2 * most));
    BOOST_TEST(!e->wire.has_more());
    e->wire.close();
    loop.run_ready();
}

// … and it ends behind a frame that took long.
BOOST_AUTO_TEST_CASE(a_turn_is_bounded_in_time) {
    virtual_loop loop;
    pair p;
    supe::channel wire(loop.time(), std::move(p.ours), supe::channel::side::supervisor, limit);
    std::size_t frames = 0;
    const supe::channel::frame_sink slow = [&](std::string_view) {
        ++frames;
        loop.time().fire_one(loop.now() + supe::channel::time_per_turn);
    };
    std::string text;
    for (std::size_t n = 0; n < 3; ++n) text += "1\n";
    write_all(p.theirs.get(), text);
    for (std::size_t turn = 1; turn <= 3; ++turn) {
        BOOST_TEST(wire.take(slow));
        BOOST_TEST(frames == turn);
        BOOST_TEST(wire.has_more() == (turn < 3));
    }
}

// A peer that is gone: what it sent is read, what is written to it is dropped, and no signal kills
// us.
BOOST_AUTO_TEST_CASE(a_gone_peer) {
    virtual_loop loop;
    pair p;
    const auto e = std::make_shared<end>(loop, std::move(p.ours), supe::channel::side::supervisor);
    write_all(p.theirs.get(), "bye\n");
    p.theirs.reset();
    e->send("still there?\n");
    BOOST_TEST(e->wire.backlog() == 0u);
    loop.start(end::run(e));
    loop.run_ready();
    BOOST_TEST(e->frames == words{"bye"});
    BOOST_TEST(e->gone);
}

// A peer that only ended its writing half is gone too: it will send nothing more.
BOOST_AUTO_TEST_CASE(a_peer_that_says_no_more) {
    virtual_loop loop;
    pair p;
    const auto e = std::make_shared<end>(loop, std::move(p.ours), supe::channel::side::supervisor);
    loop.start(end::run(e));
    loop.run_ready();
    ::shutdown(p.theirs.get(), SHUT_WR);
    loop.run_ready();
    BOOST_TEST(e->gone);
}

// close() ends a turn that waits, for input or output; nothing is read or written after it.
BOOST_AUTO_TEST_CASE(closing) {
    for (const bool with_backlog : {false, true}) {
        virtual_loop loop;
        pair p;
        const auto e =
            std::make_shared<end>(loop, std::move(p.ours), supe::channel::side::supervisor);
        if (with_backlog) e->send(frame_of(limit));
        loop.start(end::run(e));
        loop.run_ready();
        BOOST_TEST(!e->gone);
        e->wire.close();
        loop.run_ready();
        BOOST_TEST(e->gone);
        BOOST_TEST(!e->wire.is_open());
        e->send("1\n");
        BOOST_TEST(!e->wire.take(e->sink));
    }
}

// A cancelled turn throws, and the channel may be destroyed at once.
BOOST_AUTO_TEST_CASE(cancelling) {
    for (const bool with_backlog : {false, true}) {
        virtual_loop loop;
        pair p;
        auto e = std::make_unique<end>(loop, std::move(p.ours), supe::channel::side::supervisor);
        const auto turn = [](end& it) -> awaitable<> { co_await it.wire.turn(it.sink); };
        if (with_backlog) e->send(frame_of(limit));
        supe::nursery n(loop.time());
        n.start(turn(*e));
        loop.run_ready();
        const auto cancel = [&]() -> awaitable<> {
            n.cancel();
            e.reset();
            co_return;
        };
        loop.start(cancel());
        loop.run_ready();
        BOOST_TEST(n.size() == 0u);
    }
}

BOOST_AUTO_TEST_SUITE_END()
