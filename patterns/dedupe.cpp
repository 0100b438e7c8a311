#include "patterns/dedupe.hpp"

#include "supe/async/assertion.hpp"
#include "supe/component/state_path.hpp"
#include "supe/storage/file_text.hpp"
#include "supe/storage/private_files.hpp"
#include "supe/text/json_text.hpp"

#include <fcntl.h>
#include <cerrno>
#include <fstream>
#include <stdexcept>

namespace patterns {

dedupe::dedupe(const std::filesystem::path& file, std::size_t window)
    : file_(supe::in_state(file)), window_(window) {
    SUPE_ASSERT(window > 0);
    std::ifstream in(file_, std::ios::binary);
    for (std::string line; std::getline(in, line);) {
        // The last line may be cut off: its effect is repeated, as after a crash before add().
        if (line.starts_with('"') && supe::is_json(line)) remember(supe::json_string_value(line));
    }
    rewrite();
}

void dedupe::add(const std::string& id) {
    if (contains(id)) return;
    if (lines_ >= 2 * window_) rewrite();
    const std::string line = supe::json_quoted(id) + '\n';
    const supe::append_result result = supe::append_whole(open_.get(), bytes_, line);
    if (result.is_torn) lines_ = 2 * window_;  // the next one begins with a whole file
    if (result.error != 0) fail(result.error);
    bytes_ += line.size();
    ++lines_;
    remember(id);
}

void dedupe::remember(std::string id) {
    if (contains(id)) return;
    order_.push_back(std::move(id));
    known_.insert(order_.back());
    if (order_.size() <= window_) return;
    known_.erase(order_.front());
    order_.pop_front();
}

/// A file of its own takes the place of the old one: a crash leaves one or the other.
void dedupe::rewrite() {
    std::string text;
    for (const std::string& id : order_) text += supe::json_quoted(id) + '\n';
    const std::string next = file_.string() + ".new";
    supe::unique_fd fresh = supe::open_private(next, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND);
    if (!fresh || !supe::write_all(fresh.get(), text)) fail(errno);
    std::error_code moved;
    std::filesystem::rename(next, file_, moved);
    if (moved) fail(moved.value());
    open_ = std::move(fresh);
    bytes_ = text.size();
    lines_ = order_.size();
}

void dedupe::fail(int error) const {
    throw std::runtime_error(file_.string() + ": cannot write the ids: " + supe::file_error(error));
}

}  // namespace patterns
