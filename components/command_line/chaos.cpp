// `supe chaos`: the relay under fire, and its ledger.
#include "components/chaos/chaos.hpp"
#include "components/command_line/commands.hpp"
#include "components/command_line/printing.hpp"
#include "components/http/destination.hpp"

#include <fmt/format.h>
#include <stdlib.h>
#include <algorithm>
#include <cerrno>
#include <memory>
#include <random>
#include <system_error>

namespace components {
namespace {

struct chaos_options {
    std::string lasts = "60s";
    std::optional<unsigned> kills, seed, connections;
};

constexpr unsigned most_kills = 1'000'000;
constexpr auto usual_pause = std::chrono::milliseconds(500);  // between two kills

chaos_settings settings_of(const chaos_options& given) {
    chaos_settings s;
    const auto lasts = supe::parse_duration(given.lasts);
    if (!lasts || lasts->count() == 0)
        throw std::runtime_error(
            fmt::format("--for: \"{}\" is not a duration like 30s, 5m, 1h", given.lasts));
    s.lasts = *lasts;
    s.kills = given.kills.value_or(
        static_cast<unsigned>(std::clamp<std::int64_t>(s.lasts / usual_pause, 1, most_kills)));
    s.seed = given.seed.value_or(std::random_device{}());
    s.connections = given.connections.value_or(s.connections);
    return s;
}

/// In the folder for temporary files.
std::filesystem::path new_directory() {
    std::string name = (std::filesystem::temp_directory_path() / "supe-chaos-XXXXXX").string();
    if (!::mkdtemp(name.data()))
        throw std::system_error(errno, std::generic_category(), "a directory for the relay");
    return name;
}

exit_code play(const chaos_options& options) {
    chaos_settings settings = settings_of(options);
    settings.directory = new_directory();
    fmt::print(stderr, "[chaos] seed {}: {}, {} kills, {} connections\n", settings.seed,
               supe::print_duration(settings.lasts), settings.kills, settings.connections);
    const chaos_report report = run_chaos(settings);
    std::string text = text_of_report(report);
    text.pop_back();
    print_line(text);
    if (!is_good(report)) {
        complain("the relay's state and its log are kept in {}", settings.directory.string());
        return exit_code::failed;
    }
    std::error_code ignored;
    std::filesystem::remove_all(settings.directory, ignored);
    return exit_code::done;
}

}  // namespace

command chaos_command() {
    auto options = std::make_shared<chaos_options>();
    command c{.name = "chaos",
              .help =
                  "a relay whose processes are killed, between a sender and a destination that "
                  "keep books",
              .group = "Run"};
    c.parameters = {{.name = "--for",
                     .into = &options->lasts,
                     .help = "how long processes are killed",
                     .placeholder = "TIME",
                     .otherwise = options->lasts},
                    {.name = "--kills",
                     .into = &options->kills,
                     .help = "how many, spread over that time (default: two a second)",
                     .placeholder = "N",
                     .within = {1, most_kills}},
                    {.name = "--seed",
                     .into = &options->seed,
                     .help = "which process is killed when; printed at the start",
                     .placeholder = "N",
                     .within = {0, 4294967295u}},
                    {.name = "--connections",
                     .into = &options->connections,
                     .help = "the cap",
                     .placeholder = "N",
                     .within = {1, most_connections},
                     .otherwise = std::to_string(chaos_settings().connections)}};
    c.footer =
        "At the end it waits until all that was acknowledged has arrived, and prints a ledger. "
        "Exit "
        "code 1 where a webhook is lost or unexpected, or the cap was passed. Ctrl-C ends it "
        "early, "
        "with the ledger so far.\n\n"
        "Examples:\n  supe chaos\n  supe chaos --for 10m --kills 3000 --connections 2";
    c.perform = [options] { return play(*options); };
    return c;
}

}  // namespace components
