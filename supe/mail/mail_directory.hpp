// The endpoints and destinations of mail under one supervisor. Pure.
#pragma once

#include "supe/mail/mail_endpoint.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

namespace supe {

class mail_directory {
public:
    /// The owner keeps `endpoint` alive and in place until remove().
    void add(mail_endpoint& endpoint);
    /// The destination is removed with its last consumer.
    void remove(mail_endpoint& endpoint);
    /// How often add() was called: no name or instance has come while it stays the same.
    std::size_t additions() const { return additions_; }

    /// The endpoint of this name: a child, one instance, or the first of all instances of a name.
    /// Null when there is no such name.
    mail_endpoint* find(std::string_view name) const;
    mail_endpoint* by_number(int number) const;
    /// By the name that mail is addressed to; null when there is no such name.
    mail_destination* destination(std::string_view name) const;

    /// The channel to our own supervisor.
    void set_uplink(channel& link);
    /// Null for the root.
    mail_endpoint* uplink() const { return uplink_.get(); }

private:
    mail_endpoint* find_instance(std::string_view name) const;

    std::unordered_map<int, mail_endpoint*> endpoints_;  // by number
    // By name, which is that of the destination itself.
    std::unordered_map<std::string_view, std::unique_ptr<mail_destination>> destinations_;
    std::size_t additions_ = 0;
    std::unique_ptr<mail_endpoint> uplink_;
    std::unique_ptr<mail_destination> above_;
};

}  // namespace supe
