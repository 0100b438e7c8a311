// A queue.db that is damaged: it is set aside, and what can be read of it goes into a new one.
#pragma once

#include "components/queue/webhook_store.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

namespace components {

/// Opens the store. A damaged file becomes `queue.db.damaged-N`, and the webhooks that can be read
/// go into a new file first: in between, nothing is missing. `tell` gets a line about it. Throws
/// store_error for anything else, as a newer version or a full disk.
std::unique_ptr<webhook_store> open_store(const std::filesystem::path& file,
                                          const std::function<void(const std::string&)>& tell);

/// The same of a file that turned out to be damaged while it was open; it is closed by now.
void set_aside_damaged(const std::filesystem::path& file, const std::string& why,
                       const std::function<void(const std::string&)>& tell);

}  // namespace components
