// Combinations of a child's fields that cannot be. Each check throws at the field that is wrong.
#pragma once

#include "supe/text/config.hpp"
#include "supe/tree/child_spec.hpp"

namespace supe {

/// `nested`: it has `children`.
void check_child(const field_reader& r, const located_value& v, const child_spec& c, bool nested);

/// `s`: the supervisor that `v` describes.
void check_significant(const field_reader& r, const located_value& v, const supervisor_spec& s);

/// Its user and group are known here, and this process may change them. It blocks.
void check_identity(const field_reader& r, const located_value& v, const child_spec& c);

/// SUPE-START brings a child its config, or its tree, in one frame (contract §2).
void check_start(const field_reader& r, const located_value& v, const child_spec& c);

/// The files of a child are called by its address, and a file name ends at 255 bytes.
inline constexpr std::size_t longest_address = 200;  // characters, without an instance's number

/// No address in the tree is longer. `above`: the length of the supervisor's own address.
void check_addresses(const field_reader& r, const located_value& v, const supervisor_spec& s,
                     std::size_t above = 0);

}  // namespace supe
