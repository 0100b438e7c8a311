// What the JSON of a large text leaves behind in the C library's heap.
#pragma once

#include <cstddef>

namespace supe {

/// Gives free memory back to the system, where a text of this many bytes is large. Called after the
/// end of the values made of it: the C library would keep their memory, more than 1 KiB for each
/// child of a status.
void give_back_after_json(std::size_t bytes);

}  // namespace supe
