// A setting that few children have.
#pragma once

#include <memory>
#include <utility>

namespace supe {

/// A value that is nearly always `T()`, and takes the memory of a pointer then: a thousand children
/// have a thousand specs. Otherwise it is a value like any other.
template <class T>
class seldom {
public:
    seldom() = default;
    seldom(const seldom& other) : value_(other.value_ ? std::make_unique<T>(*other) : nullptr) {}
    seldom(seldom&&) noexcept = default;
    seldom& operator=(const seldom& other) { return *this = seldom(other); }
    seldom& operator=(seldom&&) noexcept = default;
    seldom& operator=(T value) {
        value_ = value == T() ? nullptr : std::make_unique<T>(std::move(value));
        return *this;
    }
    /// The value, to be changed in place.
    T& edit() {
        if (!value_) value_ = std::make_unique<T>();
        return *value_;
    }

    const T& operator*() const {
        static const T usual{};
        return value_ ? *value_ : usual;
    }
    const T* operator->() const { return &**this; }
    bool operator==(const seldom& other) const { return **this == *other; }

private:
    std::unique_ptr<T> value_;  // null: T()
};

}  // namespace supe
