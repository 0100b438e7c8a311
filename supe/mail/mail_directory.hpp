// Who can be addressed under one supervisor. Pure.
#pragma once

#include "supe/mail/mail_endpoint.hpp"

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

namespace supe {

class mail_directory {
public:
    /// `endpoint` outlives its stay here.
    void add(mail_endpoint& endpoint);
    /// With its last consumer a destination is gone.
    void remove(mail_endpoint& endpoint);

    /// The endpoint of this name; one of several where they share it; null where there is none.
    mail_endpoint* find(std::string_view name) const;
    mail_endpoint* by_number(int number) const;
    /// By the name that mail is addressed to; null where there is none.
    mail_destination* destination(const std::string& name) const;

    /// The channel to our own supervisor.
    void set_uplink(channel& link);
    /// Null for the root.
    mail_endpoint* uplink() const { return uplink_.get(); }

private:
    std::map<int, mail_endpoint*> endpoints_;                                          // by number
    std::unordered_map<std::string, std::unique_ptr<mail_destination>> destinations_;  // by name
    std::unique_ptr<mail_endpoint> uplink_;
    std::unique_ptr<mail_destination> above_;
};

}  // namespace supe
