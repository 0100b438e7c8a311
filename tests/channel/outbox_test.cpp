// What a turn appended is written at its end, channel by channel.
#include "tests/support/router_fixture.hpp"

using support::neighbour;
using support::words;

namespace {

struct outbox_fixture {
    supe::asio::io_context loop;
    supe::simulation::virtual_clock time{loop.get_executor()};
    supe::outbox out;

    void write(neighbour& n, const std::string& frame) {
        n.wire->out() += frame + "\n";
        out.add(*n.wire);
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(outbox)

// Nothing is written before flush(), which writes all that was appended, in order, and then forgets
// the channels.
BOOST_AUTO_TEST_CASE(written_at_the_end_of_the_turn) {
    outbox_fixture o;
    neighbour a(o.time), b(o.time);
    o.write(a, "1"), o.write(b, "2"), o.write(a, "3");
    BOOST_TEST_SAME(a.received(), {});
    o.out.flush();
    BOOST_TEST_SAME(a.received(), {"1", "3"});
    BOOST_TEST_SAME(b.received(), {"2"});
    a.wire->out() += "4\n";
    o.out.flush();
    BOOST_TEST_SAME(a.received(), {});
    o.out.add(*a.wire);
    o.out.flush();
    BOOST_TEST_SAME(a.received(), {"4"});
}

// More channels than add() compares with, written to in turn: each gets all of its own frames,
// once.
BOOST_AUTO_TEST_CASE(many_channels) {
    outbox_fixture o;
    std::vector<std::unique_ptr<neighbour>> all;
    for (int i = 0; i < 10; ++i) all.push_back(std::make_unique<neighbour>(o.time));
    for (const char* frame : {"1", "2", "3"})
        for (const auto& n : all) o.write(*n, frame);
    o.out.flush();
    for (const auto& n : all) BOOST_TEST_SAME(n->received(), {"1", "2", "3"});
}

// A forgotten channel is not touched any more, however often it was written to in the turn; the
// others get their frames.
BOOST_AUTO_TEST_CASE(forgotten) {
    outbox_fixture o;
    std::vector<std::unique_ptr<neighbour>> all;
    for (int i = 0; i < 10; ++i) all.push_back(std::make_unique<neighbour>(o.time));
    for (const char* frame : {"1", "2"})
        for (const auto& n : all) o.write(*n, frame);
    o.out.forget(*all[3]->wire);
    o.out.forget(*all[3]->wire);
    o.out.flush();
    BOOST_TEST_SAME(all[2]->received(), {"1", "2"});
    BOOST_TEST_SAME(all[3]->received(), {});
    BOOST_TEST(all[3]->wire->backlog() == 4u);
    // It may be added again, and then it is written.
    o.write(*all[3], "3");
    o.out.flush();
    BOOST_TEST_SAME(all[3]->received(), {"1", "2", "3"});
}

// A full socket does not hold up the other channels: its rest stays in its channel.
BOOST_AUTO_TEST_CASE(a_full_socket) {
    outbox_fixture o;
    neighbour full(o.time), other(o.time);
    o.write(full, std::string(8 << 20, 'x'));
    o.write(other, "1");
    o.out.flush();
    BOOST_TEST(full.wire->backlog() > 0u);
    BOOST_TEST_SAME(other.received(), {"1"});
}

BOOST_AUTO_TEST_SUITE_END()
