// Shows how output is cut into whole lines, and that memory stays bounded (contract §6).
#include "supe/output/line_splitter.hpp"

#include <boost/test/unit_test.hpp>

using words = std::vector<std::string>;

namespace {

struct catcher {
    explicit catcher(std::size_t limit = supe::line_limit) : splitter(limit) {}
    void feed(std::string_view bytes) {
        splitter.feed(bytes, [this](std::string_view line) { lines.emplace_back(line); });
    }
    void finish() {
        splitter.finish([this](std::string_view line) { lines.emplace_back(line); });
    }
    supe::line_splitter splitter;
    words lines;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(line_splitter)

// Lines without their newlines, empty ones too; a last line without one comes at the end.
BOOST_AUTO_TEST_CASE(whole_lines) {
    catcher c;
    c.feed("one\n\ntwo\nthr");
    BOOST_TEST(c.lines == (words{"one", "", "two"}));
    c.finish();
    BOOST_TEST(c.lines == (words{"one", "", "two", "thr"}));
    c.finish();
    BOOST_TEST(c.lines.size() == 4u);
}

// A carriage return belongs to its line; NULs and bytes that are not UTF-8 are kept as they are.
BOOST_AUTO_TEST_CASE(bytes_are_kept) {
    catcher c;
    const std::string odd("\xff\0\x1b[31m", 7);
    c.feed("dos\r\n10%\r20%\r\n" + odd + "\n");
    BOOST_TEST(c.lines == (words{"dos\r", "10%\r20%\r", odd}));
}

// The lines are the same wherever the reads end, cut lines too.
BOOST_AUTO_TEST_CASE(reads_may_end_anywhere) {
    const std::string stream = "a\n\nbcd\n12345678\n123456789\n\r\n1234567890123456789012345\nend";
    for (std::size_t size = 1; size <= stream.size(); ++size) {
        catcher c(8);
        for (std::size_t at = 0; at < stream.size(); at += size)
            c.feed(std::string_view(stream).substr(at, size));
        c.finish();
        BOOST_TEST(c.lines == (words{"a", "", "bcd", "12345678", "12345678 [cut]", "\r",
                                     "12345678 [cut]", "end"}));
    }
}

// A line of exactly 64 KiB is whole; one byte more is cut with a mark, and the next line is whole
// again.
BOOST_AUTO_TEST_CASE(cut_at_64_kib) {
    catcher c;
    const std::string full(64 * 1024, 'x');
    c.feed(full + "\n" + full + "y\nnext\n");
    BOOST_TEST(c.lines == (words{full, full + " [cut]", "next"}));
}

// A cut never ends within a UTF-8 character.
BOOST_AUTO_TEST_CASE(cuts_between_characters) {
    catcher c(8);
    c.feed(
        "1234567\xc3\xa4\n123456\xf0\x9f\x98\x80x\n12345678\xc3\xa4\n1234\xff\xff\xff\xff\xff\n\x80"
        "\x80\x80\x80\x80\x80\x80\x80\x80\n");
    BOOST_TEST(c.lines ==
               (words{"1234567 [cut]", "123456 [cut]", "12345678 [cut]",
                      "1234\xff\xff\xff\xff [cut]", "\x80\x80\x80\x80\x80\x80\x80\x80 [cut]"}));
}

// A gigabyte without a newline is one cut line, which is passed on when it exceeds the limit, and
// takes no memory after.
BOOST_AUTO_TEST_CASE(an_endless_line) {
    catcher c;
    const std::string piece(1 << 20, 'x');
    for (int i = 0; i < 1024; ++i) c.feed(piece);
    BOOST_TEST(c.lines.size() == 1u);
    BOOST_TEST(c.lines.front().size() == 64 * 1024 + supe::cut_mark.size());
    c.feed("tail\nnext\n");
    BOOST_TEST(c.lines.size() == 2u);
    BOOST_TEST(c.lines.back() == "next");
}

// The stream ends within the rest of a cut line: nothing more of it comes, and the next line is
// whole.
BOOST_AUTO_TEST_CASE(the_end_of_a_cut_line) {
    catcher c(4);
    c.feed("123456");
    c.finish();
    BOOST_TEST(c.lines == words{"1234 [cut]"});
}

BOOST_AUTO_TEST_SUITE_END()
