// A JSON value that many specs share.
#pragma once

#include <boost/json/value.hpp>
#include <memory>
#include <utility>

namespace supe {

/// A config may have megabytes, and each instance of a child has a spec: a copy shares the value,
/// which never changes. Null until one is given.
class shared_json {
public:
    shared_json() = default;
    shared_json& operator=(boost::json::value value) {
        value_ = std::make_shared<const boost::json::value>(std::move(value));
        return *this;
    }

    const boost::json::value& operator*() const {
        static const boost::json::value null;
        return value_ ? *value_ : null;
    }
    const boost::json::value* operator->() const { return &**this; }
    bool operator==(const shared_json& other) const {
        return value_ == other.value_ || **this == *other;
    }

private:
    std::shared_ptr<const boost::json::value> value_;
};

}  // namespace supe
