#include "supe/mail/dead_letters.hpp"

namespace supe {

void dead_letters::add(const envelope& mail, const std::string& recipient, const std::string& reason) {
    letters_.push_back({mail, recipient, reason});
    bytes_ += mail.bytes();
    while (letters_.size() > count_limit || (bytes_ > byte_limit && letters_.size() > 1)) {
        bytes_ -= letters_.front().mail.bytes();
        letters_.pop_front();
    }
}

}  // namespace supe
