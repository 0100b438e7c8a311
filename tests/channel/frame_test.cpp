// Shows how a stream of bytes is cut into frames, wherever the reads end (contract §2).
#include "supe/channel/frame.hpp"

#include <boost/test/unit_test.hpp>

using words = std::vector<std::string>;

namespace {

words feed(supe::frame_splitter& s, std::string_view bytes) {
    words frames;
    s.feed(bytes, [&](std::string_view frame) { frames.emplace_back(frame); });
    return frames;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(frame)

// Several frames in one read, without their newlines; empty lines are skipped.
BOOST_AUTO_TEST_CASE(cuts_at_newlines) {
    supe::frame_splitter s;
    BOOST_TEST(feed(s, "{\"a\":1}\n[2]\n\n\n3\n") == (words{"{\"a\":1}", "[2]", "3"}));
    BOOST_TEST(s.unfinished() == 0u);
    BOOST_TEST(s.take_oversized() == 0u);
}

// The frames are the same for reads of all sizes.
BOOST_AUTO_TEST_CASE(reads_may_end_anywhere) {
    const std::string stream = "{\"first\":\"frame\"}\n\n[1,2,3]\n\"\xc3\xa4\"\n";
    for (std::size_t size = 1; size <= stream.size(); ++size) {
        supe::frame_splitter s;
        words frames;
        for (std::size_t at = 0; at < stream.size(); at += size) {
            for (auto& f : feed(s, std::string_view(stream).substr(at, size)))
                frames.push_back(std::move(f));
        }
        BOOST_TEST(frames == (words{"{\"first\":\"frame\"}", "[1,2,3]", "\"\xc3\xa4\""}));
    }
}

// A frame without its newline is held back, and unfinished() has its size.
BOOST_AUTO_TEST_CASE(an_unfinished_frame) {
    supe::frame_splitter s;
    BOOST_TEST(feed(s, "1\n{\"cut\":").size() == 1u);
    BOOST_TEST(s.unfinished() == 7u);
    BOOST_TEST(feed(s, "2}\n") == words{"{\"cut\":2}"});
    BOOST_TEST(s.unfinished() == 0u);
}

// A frame of exactly the limit passes. One with a byte more is skipped to its end and counted once,
// and the next frame is whole.
BOOST_AUTO_TEST_CASE(the_limit) {
    for (const std::size_t size : {1, 3, 5, 100}) {
        supe::frame_splitter s(5);
        const std::string stream = "12345\n123456\n12\n1234567890123456789\n\n5\n";
        words frames;
        for (std::size_t at = 0; at < stream.size(); at += size) {
            for (auto& f : feed(s, std::string_view(stream).substr(at, size)))
                frames.push_back(std::move(f));
        }
        BOOST_TEST(frames == (words{"12345", "12", "5"}));
        BOOST_TEST(s.take_oversized() == 2u);
        BOOST_TEST(s.take_oversized() == 0u);
    }
}

// A frame that never ends is counted when it passes the limit. Nothing of it is kept, and it does
// not count as unfinished.
BOOST_AUTO_TEST_CASE(an_endless_frame) {
    supe::frame_splitter s(1000);
    const std::string piece(64 * 1024, 'x');
    for (int i = 0; i < 1000; ++i) BOOST_TEST(feed(s, piece).empty());
    BOOST_TEST(s.take_oversized() == 1u);
    BOOST_TEST(s.unfinished() == 0u);
    BOOST_TEST(feed(s, "\n7\n") == words{"7"});
}

// A frame in one read is not copied: the view lies within what was read.
BOOST_AUTO_TEST_CASE(whole_frames_are_not_copied) {
    supe::frame_splitter s;
    const std::string bytes = "[1]\n[2]\n";
    std::vector<const char*> where;
    s.feed(bytes, [&](std::string_view frame) { where.push_back(frame.data()); });
    BOOST_TEST((where == std::vector<const char*>{bytes.data(), bytes.data() + 4}));
}

BOOST_AUTO_TEST_SUITE_END()
