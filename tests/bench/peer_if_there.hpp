// A peer that this machine may not have.
#pragma once

#include "tests/bench/programs.hpp"

#include <memory>
#include <stdexcept>
#include <string>

namespace bench {

/// It may be missing: then its name has the reason, in place of a figure.
template <class Peer>
class peer_if_there {
public:
    peer_if_there(std::string name, const folder& where) : name_(std::move(name)) {
        try {
            peer_ = std::make_unique<Peer>(where);
        } catch (const std::runtime_error& why) {
            name_ += std::string(": not measured, ") + why.what();
        }
    }
    const std::string& name() const { return name_; }
    /// What `figure` says of the peer; 0 when it is missing.
    template <class Figure>
    double measured(Figure figure) {
        return peer_ ? figure(*peer_) : 0;
    }

private:
    std::string name_;
    std::unique_ptr<Peer> peer_;
};

}  // namespace bench
