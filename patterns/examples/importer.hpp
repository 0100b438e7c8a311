// A component to copy together with its test (importer_test.cpp): it writes what arrives into a
// file, many lines at a time, and each once.
//
//     { "name": "shop", "children": [
//         { "name": "importer", "command": ["./importer"], "watchdog": "30s",
//           "mail": {"window": 100} } ] }
//
//     supe mail importer '{"order":1}'
#pragma once

#include "patterns/batcher.hpp"
#include "patterns/dedupe.hpp"
#include "patterns/watchdog.hpp"
#include "supe/async/nursery.hpp"
#include "supe/component/component.hpp"
#include "supe/component/state_path.hpp"

#include <fmt/format.h>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace examples {

/// Writes batches into `file` until it is asked to shut down. A crash between a line and its id
/// writes that line once more.
inline supe::awaitable<> import_all(supe::component& self, patterns::watchdog& dog,
                                    std::filesystem::path file) {
    patterns::dedupe done{file.string() + ".done", 10'000};
    patterns::batcher batches{self, {.count = 100, .wait = std::chrono::milliseconds(50)}};
    std::size_t lines = 0;
    while (co_await batches.next()) {
        const auto piece = dog.begin(std::chrono::seconds(20));
        std::ofstream out(file, std::ios::app);
        std::vector<std::string> ids;
        for (const supe::mail& mail : batches.mails()) {
            if (done.contains(mail.id())) continue;
            out << mail.body() << '\n';
            ids.push_back(mail.id());
        }
        if (!out.flush()) throw std::runtime_error("cannot write " + file.string());
        for (const std::string& id : ids) done.add(id);
        lines += ids.size();
        self.status(fmt::format("{} lines so far", lines));
    }
}

inline supe::awaitable<> importer(supe::component& self) {
    const std::filesystem::path file = supe::in_state("imported.jsonl");
    patterns::watchdog dog{self, std::chrono::seconds(10)};
    const auto body = [&](supe::nursery& all) -> supe::awaitable<> {
        all.start(dog.run());
        co_await import_all(self, dog, file);
        all.cancel();
    };
    co_await supe::with_nursery(self.time(), body);
}

}  // namespace examples
