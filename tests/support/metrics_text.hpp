// Prometheus' text format, version 0.0.4, read as strictly as it is written down.
#pragma once

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <map>
#include <set>
#include <sstream>
#include <string>

namespace support {

/// A page of metrics: its samples by name and labels, as `supe_up{component="queue"}`. What is
/// wrong with the page is a failure of the test.
class metrics_page {
public:
    explicit metrics_page(const std::string& text) {
        BOOST_TEST(text.ends_with('\n'));
        std::istringstream in(text);
        for (std::string line; std::getline(in, line);)
            line.starts_with('#') ? take_comment(line) : take_sample(line);
        BOOST_TEST(help_ == types_.size());
    }

    /// -1 where there is none.
    double at(const std::string& sample) const {
        const auto found = samples_.find(sample);
        return found == samples_.end() ? -1 : found->second;
    }
    bool has_family(const std::string& name) const { return types_.contains(name); }
    const std::map<std::string, std::string>& types() const { return types_; }
    std::size_t size() const { return samples_.size(); }

private:
    void take_comment(const std::string& line) {
        std::istringstream words(line);
        std::string sign, kind, name, rest;
        words >> sign >> kind >> name >> std::ws;
        std::getline(words, rest);
        BOOST_TEST(!rest.empty(), line);
        if (kind == "HELP") {
            ++help_;
            BOOST_TEST(rest.ends_with('.'), line);
            return;
        }
        BOOST_TEST(kind == "TYPE", line);
        BOOST_TEST(types_.try_emplace(name, rest).second, line);
        BOOST_TEST((rest == "counter") == name.ends_with("_total"), line);
        family_ = name;
    }
    void take_sample(const std::string& line) {
        const auto space = line.rfind(' ');
        BOOST_REQUIRE_MESSAGE(space != line.npos, line);
        const std::string sample = line.substr(0, space), value = line.substr(space + 1);
        char* end = nullptr;
        const double number = std::strtod(value.c_str(), &end);
        BOOST_TEST(*end == '\0', line);
        BOOST_TEST(samples_.try_emplace(sample, number).second, line);
        const std::string name = sample.substr(0, sample.find('{'));
        const bool of_histogram = types_[family_] == "histogram";
        BOOST_TEST(name.starts_with(family_), line);
        BOOST_TEST((name == family_) == !of_histogram, line);
        if (of_histogram && name.ends_with("_bucket")) {
            const bool is_first = sample.find("le=\"0.005\"") != sample.npos;
            BOOST_TEST((is_first || number >= bucket_), line);
            bucket_ = number;
        }
    }

    std::map<std::string, std::string> types_;
    std::map<std::string, double> samples_;
    std::string family_;
    std::size_t help_ = 0;
    double bucket_ = 0;
};

}  // namespace support
