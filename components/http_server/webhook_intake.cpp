#include "components/http_server/webhook_intake.hpp"

#include "components/http/request_rules.hpp"
#include "components/http/via.hpp"
#include "components/webhook/webhook_key.hpp"
#include "patterns/output.hpp"
#include "supe/text/json_text.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <boost/asio/post.hpp>

namespace components {
namespace {

using namespace std::chrono_literals;

constexpr auto ack_limit = 20s;
constexpr auto refusal_holds = 1s;  // a full queue is not asked for each request of a storm
constexpr std::size_t most_batch_bytes = 64 << 20;  // of all batches that wait for the queue
constexpr std::size_t elements_a_turn = 128;

bool is_kept(std::string_view method) {
    return method == "POST" || method == "PUT" || method == "PATCH" || method == "DELETE";
}

bool only_looks(std::string_view method) { return method == "GET" || method == "HEAD"; }

http_answer too_many_requests(supe::duration wait) {
    const auto seconds = std::max(1s, std::chrono::ceil<std::chrono::seconds>(wait));
    return {429,
            "more than this route takes, please try again\n",
            {{"Retry-After", std::to_string(seconds.count())}}};
}

/// RFC 9110 §15.5.2 asks for a challenge with each 401.
std::string challenge_of(const std::string& kind) {
    if (kind == "basic") return "Basic realm=\"webhooks\"";
    return kind == "bearer" ? "Bearer" : "Webhook-Signature";
}

/// Of a request, or of one element of it.
std::string dedupe_key_of(const intake_route& route, const webhook& w, std::size_t index) {
    if (route.dedupe.empty()) return {};
    const std::string value = key_at(route.dedupe, w.headers, w.body);
    if (value.empty()) return {};
    // With its source: the same value of another field is another key, where a reload changes `by`.
    std::string key = short_key(fmt::format("{}={}", route.dedupe, value));
    const bool shared = route.split && is_of_whole_request(route.dedupe);
    return shared ? fmt::format("{}#{}", key, index) : key;
}

void add_keys(const intake_route& route, webhook& w, std::size_t index = 0) {
    if (!route.order_by.empty()) w.order_key = key_at(route.order_by, w.headers, w.body);
    w.dedupe_key = dedupe_key_of(route, w, index);
}

/// That each element of a request that is split is kept with.
std::size_t head_bytes(const webhook& w) {
    std::size_t bytes = w.target.size();
    for (const auto& [name, text] : w.headers) bytes += name.size() + text.size();
    return bytes;
}

http_answer too_large_together(std::size_t elements) {
    return {413,
            fmt::format("each of {} elements has the head of the request: they take more than {} "
                        "bytes in sum, and are kept all or none\n",
                        elements, longest_kept_text),
            {}};
}

}  // namespace

webhook_intake::arrival webhook_intake::arrival_of(http_request request) {
    arrival a;
    a.proxied = is_in(settings_.trusted_proxies, request.remote);
    a.site = called_site_of(request.headers, a.proxied, request.secure);
    a.to = route_for(settings_.routes, a.site, request.target);
    a.request = std::move(request);
    return a;
}

std::size_t webhook_intake::body_limit_of(const http_request& head) {
    const bool proxied = is_in(settings_.trusted_proxies, head.remote);
    const called_site site = called_site_of(head.headers, proxied, head.secure);
    const routed to = route_for(settings_.routes, site, head.target);
    return to.route ? to.route->body_limit : settings_.largest_body();
}

std::string webhook_intake::new_id() {
    return new_webhook_id(self_.time().wall(), std::ref(dice_));
}

webhook webhook_intake::to_webhook(arrival a) {
    const auto now = self_.time().wall();
    webhook w;
    w.id = new_id();
    w.route = a.to.route->name;
    if (a.to.route->check) w.verified = a.to.route->check->kind();
    w.received_at =
        std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
    w.method = std::move(a.request.method);
    w.target = std::move(a.to.rest);
    w.headers = end_to_end(std::move(a.request.headers));
    w.remote = std::move(a.request.remote);
    w.proxied = a.proxied;
    w.secure = a.request.secure;
    w.body = std::move(a.request.body);
    return w;
}

/// The sender of a mail hears that it was refused, and not why. There is no dead letter: we have
/// it.
std::string webhook_intake::reason_of(const supe::error_code& why) const {
    if (why == supe::mail_error::dead_lettered)
        return fmt::format("{} refused it, and says why in its own line", settings_.to);
    const std::string objection = keeper_.objection();
    const bool is_late = why == supe::mail_error::timed_out && !objection.empty();
    return is_late ? fmt::format("{}: {}", why.message(), objection) : why.message();
}

http_answer webhook_intake::unavailable(const supe::error_code& why) {
    ++refused_;
    if (refusal_lines_.take(self_.time().now()) == 0s)
        patterns::warn("answering 503, {} times so far: {}", refused_, reason_of(why));
    return {503, "it cannot be kept now, please try again\n", {{"Retry-After", "5"}}};
}

http_answer webhook_intake::unverified(intake_route& route, const std::string& why) {
    ++unverified_;
    ++route.unverified;
    if (unverified_lines_.take(self_.time().now()) == 0s)
        patterns::warn("answering 401, {} times so far: route {}: {}", unverified_, route.name,
                       why);
    return {401,
            "this request could not be verified\n",
            {{"WWW-Authenticate", challenge_of(route.check->kind())}}};
}

/// An answer to what is no webhook of the route; nothing where it is one.
std::optional<http_answer> webhook_intake::refusal_of(const arrival& a) {
    const http_request& r = a.request;
    if (went_through(r.headers, own_via()))
        return http_answer{508, "this relay has delivered this request itself\n", {}};
    if (!a.to.route) return http_answer{404, "no route takes this\n", {}};
    intake_route& route = *a.to.route;
    if (leaves_its_root(a.to.rest))
        return http_answer{400, "the target leads out of the route's path\n", {}};
    const std::string url =
        route.check ? fmt::format("{}://{}{}", a.site.scheme, a.site.host, r.target) : "";
    const sent_request sent{r, url, self_.time().wall()};
    if (route.check)
        if (auto answer = route.check->challenge(sent)) return answer;
    if (only_looks(r.method))
        return http_answer{
            200, "supe relay: webhooks are taken here by POST, PUT, PATCH and DELETE\n", {}};
    if (!is_kept(r.method))
        return http_answer{
            405, "this method is not kept\n", {{"Allow", "GET, HEAD, POST, PUT, PATCH, DELETE"}}};
    if (r.body.size() > route.body_limit)
        return http_answer{
            413, fmt::format("the body is larger than {} bytes\n", route.body_limit), {}};
    if (route.check)
        if (const verification v = route.check->verify(sent); !v.ok)
            return unverified(route, v.why);
    if (self_.time().now() < route.refused.until && r.body.size() >= route.refused.body)
        return unavailable(route.refused.why);
    // Last, so that nothing but a webhook takes a token.
    const supe::duration wait = route.rate ? route.rate->take(self_.time().now()) : 0s;
    return wait > 0s ? std::optional(too_many_requests(wait)) : std::nullopt;
}

/// Another route may have room, and so may a smaller one of this route.
void webhook_intake::note(intake_route& route, std::size_t body, const supe::error_code& refused) {
    if (refused == supe::mail_error::dead_lettered || refused == supe::mail_error::mailbox_full)
        route.refused = {self_.time().now() + refusal_holds, body, refused};
}

/// The webhooks of one request.
struct webhook_intake::batch {
    intake_route& route;
    webhook whole;
    std::vector<std::string_view> elements;

    /// The sender's Idempotency-Key names the request and no element: each has its own id.
    webhook element(std::size_t index, std::string id) const {
        webhook w = whole;
        w.id = std::move(id);
        std::erase_if(w.headers,
                      [](const auto& h) { return same_field(h.first, "Idempotency-Key"); });
        w.body = elements[index];
        add_keys(route, w, index);
        return w;
    }
    /// About as long as its text will be.
    std::size_t bytes() const {
        const std::size_t head = head_bytes(whole) + 10 * whole.headers.size() + 200;
        std::size_t all = elements.size() * head;
        for (const std::string_view e : elements) all += e.size() + e.size() / 3;
        return std::min(all, longest_kept_text);
    }
};

/// Of a batch, for as long as it lives.
class webhook_intake::place {
public:
    place(webhook_intake& in, std::size_t bytes) : in_(in), bytes_(bytes) {
        in_.batch_bytes_ += bytes_;
    }
    ~place() {
        in_.batch_bytes_ -= bytes_;
        in_.waiting_.wake_all();
    }
    place(const place&) = delete;
    place& operator=(const place&) = delete;

private:
    webhook_intake& in_;
    std::size_t bytes_;
};

/// Element by element: each has the head of the request, so that there may be much of it. Where it
/// is too long, the rest is left out.
supe::awaitable<std::string> webhook_intake::text_of(const batch& b) {
    std::string text;
    text.reserve(b.bytes());
    for (std::size_t i = 0; i < b.elements.size() && text.size() < longest_kept_text; ++i) {
        text += i == 0 ? '[' : ',';
        text += to_json(b.element(i, new_id()));
        if (i % elements_a_turn == elements_a_turn - 1)
            co_await boost::asio::post(self_.time().executor(), supe::use_awaitable);
    }
    text += ']';
    co_return text;
}

/// In one piece: where only some had room, the sender would send all of them again, and those would
/// be kept each time.
supe::awaitable<http_answer> webhook_intake::keep_all(batch b, std::size_t size) {
    const supe::time_point deadline = self_.time().now() + ack_limit;
    const std::size_t bytes = b.bytes();
    supe::waiter_table<std::uint64_t, bool>::waiter waiter(waiting_, ++batches_);
    waiter.expires_at(deadline);
    const auto has_room = [&] { return batch_bytes_ + bytes <= most_batch_bytes; };
    while (!has_room() && waiter.is_waiting()) co_await waiter.changed();
    if (!has_room()) co_return unavailable(make_error_code(supe::mail_error::timed_out));
    const place held(*this, bytes);
    std::string text = co_await text_of(b);
    if (text.size() > longest_kept_text) co_return too_large_together(b.elements.size());
    const supe::error_code refused = co_await keeper_.keep(std::move(text), deadline);
    note(b.route, size, refused);
    if (refused) co_return unavailable(refused);
    co_return http_answer{200, fmt::format("kept, {} webhooks\n", b.elements.size()), {}};
}

supe::awaitable<http_answer> webhook_intake::answer(http_request request) {
    arrival a = arrival_of(std::move(request));
    if (auto refused = refusal_of(a)) co_return std::move(*refused);
    intake_route& route = *a.to.route;
    webhook w = to_webhook(std::move(a));
    const std::size_t size = w.body.size();
    if (route.split && supe::first_of_json(w.body) == '[') {
        const std::string body = std::move(w.body);
        w.body.clear();
        auto elements = supe::elements_of(body, most_together);
        if (elements && elements->size() * head_bytes(w) > longest_kept_text)
            co_return too_large_together(elements->size());
        // An empty one is kept as it came: nothing that is answered 200 is gone.
        if (elements && !elements->empty()) {
            batch all{route, std::move(w), std::move(*elements)};
            co_return co_await keep_all(std::move(all), size);
        }
        if (!elements && supe::is_json(body))
            co_return http_answer{
                413, fmt::format("the array has more than {} elements\n", most_together), {}};
        w.body = body;
    }
    add_keys(route, w);
    const std::string id = w.id;
    std::string text = to_json(w);
    w = webhook();  // a large body is not kept twice while we wait
    const supe::error_code refused =
        co_await keeper_.keep(std::move(text), self_.time().now() + ack_limit);
    note(route, size, refused);
    if (refused) co_return unavailable(refused);
    co_return http_answer{200, "kept\n", {{"Supe-Webhook-Id", id}}};
}

}  // namespace components
