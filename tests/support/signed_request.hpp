// A request for a verifier, and a verifier with keys in files.
#pragma once

#include "components/verification/verifier.hpp"
#include "supe/text/config.hpp"
#include "tests/support/files.hpp"
#include "tests/support/temporary_directory.hpp"

#include <boost/json/serialize.hpp>

namespace support {

/// As a sender sends it; `at` is our clock (Unix time in seconds).
struct signed_request {
    components::http_request message{"POST", "/hooks", {}, "", "127.0.0.1"};
    std::string url = "https://hooks.example/hooks";
    std::int64_t at = 1700000000;

    operator components::sent_request() const {
        return {message, url, std::chrono::system_clock::time_point(std::chrono::seconds(at))};
    }
};

/// Settings as text, with `@` for a file that holds `key` and `@2` for one that holds `second`.
class verifying {
public:
    explicit verifying(std::string settings, const std::string& key = "made for this test",
                       const std::string& second = "another one") {
        write_file(directory_ / "key", key + "\n");
        write_file(directory_ / "key2", second + "\n");
        supe::read_config_text(settings, "relay.json", [this](auto& in, auto& v) {
            read_ = components::read_verify(in, v, directory_.path());
        });
        made_.emplace(read_);
    }
    /// One kind with one key.
    static verifying of(const std::string& kind, const std::string& key = "made for this test") {
        return verifying(R"({"kind":")" + kind + R"(","key_file":"key"})", key);
    }

    const components::verify_settings& settings() const { return read_; }
    /// Empty where it is verified, else why not.
    std::string objection(const signed_request& r) const {
        const components::verification v = made_->verify(r);
        return v.ok ? "" : v.why.empty() ? "no reason" : v.why;
    }
    std::optional<components::http_answer> challenge(const signed_request& r) const {
        return made_->challenge(r);
    }

private:
    temporary_directory directory_{in_memory()};
    components::verify_settings read_;
    std::optional<components::verifier> made_;
};

/// What is wrong with settings, or with the keys that they name.
inline std::string refusal_of(const std::string& settings, const std::string& key = "k") {
    try {
        const verifying made(settings, key);
    } catch (const supe::config_error& e) {
        return e.what();
    }
    return "accepted";
}

}  // namespace support
