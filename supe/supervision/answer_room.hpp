// Room for the answers that hold a whole dead letter, of up to 16 MiB and several times that while
// they are made: few are under way at once, whoever asks.
#pragma once

#include "supe/async/timer.hpp"

#include <boost/json/object.hpp>
#include <cstddef>
#include <optional>
#include <utility>

namespace supe {

class answer_room {
public:
    static constexpr std::size_t most = 4;            ///< answers at once
    static constexpr std::size_t most_waiting = 256;  ///< requests for further ones

    explicit answer_room(clock& time) : left_(time) {}

    /// Held from before the answer is made. Empty for an answer that needs none.
    class place {
    public:
        place() = default;
        place(place&& other) noexcept : room_(std::exchange(other.room_, nullptr)) {}
        place& operator=(place&& other) noexcept {
            std::swap(room_, other.room_);
            return *this;
        }
        ~place() {
            if (room_) room_->leave();
        }

    private:
        friend class answer_room;
        explicit place(answer_room& room) : room_(&room) {}
        answer_room* room_ = nullptr;
    };

    /// Resumes when there is a place for the answer to this request. Nothing where too many wait
    /// already: too_many_answers(). Throws operation_aborted when it is cancelled.
    awaitable<std::optional<place>> enter(bool is_large);
    std::size_t taken() const { return taken_; }
    std::size_t waiting() const { return waiting_; }

private:
    void leave();

    timer left_;
    std::size_t taken_ = 0;
    std::size_t waiting_ = 0;
};

/// Whether the answer to this command may be a whole dead letter.
bool asks_for_a_letter(const boost::json::object& command);

}  // namespace supe
