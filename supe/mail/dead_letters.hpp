// Mail that nobody will get, kept for a look: bounded, the oldest go first.
#pragma once

#include "supe/mail/mailbox.hpp"

#include <deque>
#include <string>

namespace supe {

class dead_letters {
public:
    static constexpr std::size_t count_limit = 1000;
    static constexpr std::size_t byte_limit = 16u << 20;

    struct letter {
        envelope mail;
        std::string recipient;
        std::string reason;
    };

    void add(const envelope& mail, const std::string& recipient, const std::string& reason);
    const std::deque<letter>& all() const { return letters_; }

private:
    std::deque<letter> letters_;
    std::size_t bytes_ = 0;
};

}  // namespace supe
