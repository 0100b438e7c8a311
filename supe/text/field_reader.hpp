// Reads the members of a located JSON object into fields, with errors that name place, value and
// choices.
#pragma once

#include "supe/text/located_json.hpp"
#include "supe/text/units.hpp"

#include <functional>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace supe {

/// what() is one line: `tree.json:12:20: children[2].restart: "always" is not one of permanent,
/// transient, temporary`.
class config_error : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Where in which file, and by which path, a value stands: what every error begins with.
struct field_reader {
    const std::string& file;  ///< empty: there is none, and errors begin with the path
    std::string path;         ///< `children[2].restart`; empty for the whole

    [[noreturn]] void fail(text_position at, const std::string& what) const;
    [[noreturn]] void wrong(const located_value& v, const std::string& expected) const;
    field_reader below(const std::string& key) const;
    field_reader below(std::size_t index) const;

    std::string string(const located_value& v) const;
    bool boolean(const located_value& v) const;
    std::uint64_t number(const located_value& v, std::uint64_t least, std::uint64_t most) const;
    /// The same for what is counted.
    unsigned count(const located_value& v, unsigned least, unsigned most) const {
        return static_cast<unsigned>(number(v, least, most));
    }
    double factor(const located_value& v, double least, double most) const;
    milliseconds duration(const located_value& v, milliseconds least = milliseconds(0),
                          milliseconds most = longest_duration) const;
    /// A duration that is not 0.
    milliseconds some_time(const located_value& v) const { return duration(v, milliseconds(1)); }
    std::size_t bytes(const located_value& v, std::size_t least = 1,
                      std::size_t most = largest_size) const;
    std::string name(const located_value& v) const;
    std::vector<std::string> strings(const located_value& v) const;
    const std::vector<located_value>& array(const located_value& v) const;

    /// One of the words; its value.
    template <class T>
    T choice(const located_value& v, std::initializer_list<std::pair<const char*, T>> words) const {
        std::string choices;
        for (const auto& [word, value] : words) {
            if (v.scalar.is_string() && v.scalar.get_string() == word) return value;
            choices += (choices.empty() ? "" : ", ") + std::string(word);
        }
        fail(v.position, v.shown() + " is not one of " + choices);
    }

    /// What to do with each member by its key; an unknown key is an error that lists the known
    /// ones.
    using field =
        std::pair<const char*, std::function<void(const field_reader&, const located_value&)>>;
    void object(const located_value& v, const std::vector<field>& fields) const;
};

}  // namespace supe
