// The queue's end of direct lines: webhooks arrive, and are answered once they are on disk.
#pragma once

#include "components/direct_line/direct_frame.hpp"
#include "supe/async/nursery.hpp"
#include "supe/async/watched_descriptor.hpp"
#include "supe/channel/channel.hpp"
#include "supe/process/socket_file.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace components {

class direct_intake {
public:
    struct client;
    /// Until it is answered.
    struct webhook {
        std::string text;
        std::uint64_t number = 0;
        std::shared_ptr<client> from;
    };

    /// `socket`: where it listens. `arrived` is notified when a webhook has come.
    direct_intake(supe::clock& time, std::filesystem::path socket, supe::timer& arrived);
    ~direct_intake();

    /// Listens, accepts and reads, until it is cancelled. Each second it looks whether its socket
    /// is still at the path, and else listens there anew; open connections go on. Where it cannot
    /// listen, as on a full disk, a line says why. Each client has a turn; none is read while 8 MiB
    /// wait to be taken. What is no JSON is refused.
    supe::awaitable<> run();
    std::size_t waiting() const { return waiting_.size(); }
    /// All that wait, in the order of their arrival.
    std::vector<webhook> take();
    /// Without a reason: it is kept. Does not wait.
    void answer(const webhook& w, std::string_view refusal = {});
    /// Resumes when the clients have their answers, and at the deadline.
    supe::awaitable<> flushed(supe::time_point deadline);

private:
    supe::awaitable<> stay_in_place();
    supe::awaitable<> accept();
    supe::awaitable<> listen(std::shared_ptr<client> from);
    supe::awaitable<> write();
    std::string why_not_listening();
    void take_in(supe::unique_fd connection);
    void keep(const direct_frame& frame, const std::shared_ptr<client>& from);
    void flush();

    supe::clock& time_;
    std::filesystem::path socket_;
    std::optional<supe::watched_descriptor> listener_;
    supe::socket_file file_;  // of the listener
    supe::timer knocked_, unwritten_, room_, written_;
    supe::timer& arrived_;
    std::vector<std::shared_ptr<client>> clients_;
    std::vector<webhook> waiting_;
    std::size_t bytes_ = 0;  // of those that wait
    supe::nursery tasks_;
};

}  // namespace components
