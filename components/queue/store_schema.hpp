// The tables of queue.db (supe/state_directory.md), and how an older file becomes one of today.
#pragma once

#include "supe/storage/sqlite_file.hpp"

namespace components {

/// For webhook_store, and for others that look into its file.
supe::sqlite_format queue_format();

inline constexpr int queue_version = 5;

}  // namespace components
