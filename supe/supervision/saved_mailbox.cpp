#include "supe/supervision/saved_mailbox.hpp"

#include "supe/channel/json_text.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <fstream>
#include <sys/stat.h>

namespace supe {

std::string save_mailbox(const mailbox& box, const std::string& address, const std::filesystem::path& state) {
    if (box.empty() || state.empty()) return {};
    std::error_code ignored;
    const auto directory = state / "mailboxes";
    std::filesystem::create_directories(directory, ignored);
    std::string name = address.substr(1);
    std::ranges::replace(name, '/', '.');  // names have no dots
    const auto file = directory / (name + ".jsonl");
    std::ofstream out(file, std::ios::binary | std::ios::app);
    box.for_each([&](const envelope& mail) {
        out << fmt::format("{{\"id\":{},\"from\":{},\"attempt\":{},\"msg\":{}}}\n", json_quoted(mail.id), json_quoted(mail.from),
                           mail.attempt, mail.msg);
    });
    out.flush();
    ::chmod(file.c_str(), 0600);
    return out ? file.string() : std::string();
}

}  // namespace supe
