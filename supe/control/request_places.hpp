// How many requests the control socket serves at once, by what they wait for. Pure.
#pragma once

#include <array>
#include <boost/json/object.hpp>
#include <cstddef>
#include <string>
#include <utility>

namespace supe::control {

/// What a request may wait for. Where the requests of one kind have taken all of its places, those
/// of the others are served all the same: clients that wait never keep out an operator.
enum class request_kind {
    question,  ///< status, find: this tree answers them within 10 s
    order,     ///< start to reload: for the supervisor's queue
    waiting,   ///< the others, above all mail and notices: for others, as long as that takes
};

request_kind kind_of(const boost::json::object& request);

/// Requests of each kind at once.
struct place_limits {
    std::size_t questions = 64;
    std::size_t orders = 256;
    std::size_t waiting = 256;
};

class request_places {
public:
    explicit request_places(place_limits limits)
        : limits_{limits.questions, limits.orders, limits.waiting} {}

    /// Held for as long as its request is served.
    class place {
    public:
        explicit place(std::size_t& taken) : taken_(&taken) { ++taken; }
        place(place&& other) noexcept : taken_(std::exchange(other.taken_, nullptr)) {}
        place& operator=(place&&) = delete;
        ~place() {
            if (taken_) --*taken_;
        }

    private:
        std::size_t* taken_;
    };

    bool has_room(request_kind k) const { return taken_[index(k)] < limits_[index(k)]; }
    /// Another one of its kind is served.
    bool has_any(request_kind k) const { return taken_[index(k)] > 0; }
    /// Precondition: has_room().
    place take(request_kind k) { return place(taken_[index(k)]); }
    /// For the client, where there is no room.
    std::string refusal(request_kind k) const;

private:
    static std::size_t index(request_kind k) { return static_cast<std::size_t>(k); }
    std::array<std::size_t, 3> limits_;
    std::array<std::size_t, 3> taken_{};
};

}  // namespace supe::control
