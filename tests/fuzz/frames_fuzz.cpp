// Frames: they are cut the same however they arrive; our reader accepts the same JSON as
// Boost.JSON; a frame that is read and printed again has the same meaning.
#include "supe/channel/frame.hpp"
#include "supe/channel/message.hpp"
#include "supe/text/json_text.hpp"
#include "supe/text/json_value.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <boost/json/parse.hpp>

using fuzz::require;

namespace {

void check_json(std::string_view text) {
    const bool json = supe::is_json(text);
    require(supe::parse_json(text).has_value() == json,
            "what is JSON can be read, and nothing else", text);
    boost::json::parse_options options;
    options.max_depth = supe::json_depth_limit;
    boost::system::error_code refused;
    (void)boost::json::parse(text, refused, {}, options);
    if (!refused) require(json, "what Boost.JSON reads is JSON", text);
    require(supe::is_json(supe::json_quoted(text)), "what is quoted is JSON", text);
    if (json && text.front() == '"' && text.back() == '"') {
        const std::string value = supe::json_string_value(text);
        require(supe::json_string_value(supe::json_quoted(value)) == value,
                "a string is the same when quoted again", text);
    }
    supe::json_members members(text);
    while (members.next())
        require(supe::is_json(members.value()), "a member's value is JSON", members.value());
    const std::size_t first = text.find_first_not_of(" \t\r\n");
    if (json)
        require(members.well_formed() == (text[first] == '{'), "a JSON object is well formed",
                text);
}

void check_mail(const supe::mail_frame& mail, std::string_view frame) {
    require(supe::is_json(mail.msg), "msg is JSON", frame);
    std::string out;
    supe::append_delivery(out,
                          {.from = "/a",
                           .msg = mail.msg,
                           .id = "7",
                           .extras = mail.extras,
                           .to = mail.to ? std::optional<std::string_view>(*mail.to) : std::nullopt,
                           .attempt = mail.attempt,
                           .receipt = mail.receipt});
    require(out.find('\n') == out.size() - 1, "a delivery is one frame", out);
    out.pop_back();
    const supe::message again = supe::read_message(out);
    const auto* same = std::get_if<supe::mail_frame>(&again);
    require(same, "a delivery is mail", out);
    require(same->msg == mail.msg && same->to == mail.to && same->attempt == mail.attempt &&
                same->receipt == mail.receipt && same->answer == mail.answer &&
                same->extras == mail.extras && same->from == "/a" && same->id == "7",
            "a delivery says what the mail said", out);
}

void check_frame(std::string_view frame) {
    check_json(frame);
    const supe::message m = supe::read_message(frame);
    if (const auto* mail = std::get_if<supe::mail_frame>(&m)) check_mail(*mail, frame);
    if (const auto* signal = std::get_if<supe::signal_frame>(&m)) {
        std::string out;
        supe::append_signal(out, signal->name, signal->data);
        out.pop_back();
        const supe::message again = supe::read_message(out);
        const auto* same = std::get_if<supe::signal_frame>(&again);
        require(same && same->name == signal->name && same->data == signal->data,
                "a signal says what it said", out);
    }
    if (std::holds_alternative<supe::raw_frame>(m))
        require(supe::is_json(frame) || frame.size() > supe::json_depth_limit,
                "a raw message is JSON", frame);
    if (const auto* bad = std::get_if<supe::bad_frame>(&m)) {
        require(bad->reason.size() < 400 && bad->reason.find('\n') == bad->reason.npos,
                "a reason is one short line", bad->reason);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const std::string_view text = fuzz::text_of(data + 2, size - 2);
    const std::size_t limit = data[0] < 128 ? 1u << 20 : data[0] - 127u;
    std::vector<std::string> whole, pieces;
    supe::frame_splitter one(limit), other(limit);
    one.feed(text, [&](std::string_view frame) { whole.emplace_back(frame); });
    fuzz::in_pieces(text, data[1], [&](std::string_view piece) {
        other.feed(piece, [&](std::string_view frame) { pieces.emplace_back(frame); });
    });
    require(whole == pieces && one.take_oversized() == other.take_oversized() &&
                one.unfinished() == other.unfinished(),
            "frames are the same however they arrive", text);
    for (const std::string& frame : whole) check_frame(frame);
    return 0;
}
