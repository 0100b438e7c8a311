// What arrives at the queue: webhooks by direct line, and mail, which may be webhooks too.
#pragma once

#include "components/direct_line/direct_intake.hpp"
#include "supe/component/component.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace components {

class queue_inbox {
public:
    /// One that is not answered yet. Its view into the body holds until it is moved.
    struct arrival {
        std::optional<supe::mail> mail{};
        direct_intake::webhook direct{};  ///< where it is no mail

        std::string_view body() const { return mail ? mail->body() : direct.text; }
    };

    /// `socket`: of the direct lines; empty: none.
    queue_inbox(supe::component& self, const std::filesystem::path& socket);

    /// Its coroutines run in `all`.
    void start(supe::nursery& all);
    /// Waits for an arrival, where the batch is empty, else until `until`. Adds all that has
    /// arrived by then. False when it is time to end: then the batch has all that is here. The
    /// forwarders ended before us, and what they delivered last would be delivered again.
    /// `commit_took`: of the last batch.
    supe::awaitable<bool> gather(std::vector<arrival>& batch, supe::time_point until,
                                 supe::duration commit_took);

    void acknowledge(arrival& a);
    void refuse(arrival& a, const std::string& why);
    /// When all answers are sent, or after a second.
    supe::awaitable<> flushed();

private:
    supe::awaitable<> take_mail();
    supe::awaitable<> wait_for_others(supe::duration at_most);
    std::size_t waiting() const { return mails_.size() + (direct_ ? direct_->waiting() : 0); }

    supe::component& self_;
    supe::timer arrived_;
    supe::timer taken_;
    std::vector<supe::mail> mails_;
    std::optional<direct_intake> direct_;
    std::size_t answered_ = 0;  // webhooks of direct lines, in the last batch
};

}  // namespace components
