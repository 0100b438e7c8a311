// Shows that the house stands as it was drawn: each rule is checked over all files of the
// repository, and each checker on a few lines that break its rule, to prove that it can fail.
#include "tests/house/rules.hpp"
#include "tests/house/type_names.hpp"

#include <boost/test/unit_test.hpp>

using rules::faults;
using rules::files;

namespace {

const files& repository() {
    static const files all = rules::read_all(SUPE_SOURCE_DIR);
    return all;
}

/// One error for each fault, so that all of them are seen at once.
void expect_none(const faults& found) {
    for (const auto& fault : found) BOOST_ERROR(fault);
}

std::string lines(std::size_t n, const std::string& line = "    work();\n") {
    std::string text;
    for (std::size_t i = 0; i < n; ++i) text += line;
    return text;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(house)

// The files are found at all: a rule over nothing holds always.
BOOST_AUTO_TEST_CASE(sees_the_repository) {
    std::set<std::string> paths;
    for (const auto& f : repository()) paths.insert(f.path);
    for (const char* path : {"run", ".ci/run", "supe/async/nursery.hpp", "supe/contract.md",
                             "tests/house/house_test.cpp"})
        BOOST_TEST(paths.contains(path), path);
    for (const auto& path : paths) BOOST_TEST(!path.starts_with("build"), path);
}

BOOST_AUTO_TEST_CASE(includes_point_down) {
    expect_none(rules::includes_point_down({
        {"supe/mail/a.hpp",
         "#include \"supe/async/clock.hpp\"\n#include \"supe/mail/b.hpp\"\n#include <map>\n"},
        {"patterns/a.hpp", "#include \"supe/component/component.hpp\"\n"},
        {"components/queue/queue.cpp",
         "#include \"components/queue/store.hpp\"\n#include \"patterns/every.hpp\"\n"},
        {"components/queue/queue.hpp", "#include \"components/webhook/webhook.hpp\"\n"},
        {"components/http/server.hpp", "#include \"components/webhook/webhook.hpp\"\n"},
        {"components/relay/relay.cpp", "#include \"components/queue/queue.hpp\"\n"},
        {"components/main.cpp", "#include \"components/command_line/command_line.hpp\"\n"},
        {"supe/async/b.cpp", "// #include \"components/a.hpp\"\n"},
    }));
    const auto found = rules::includes_point_down({
        {"supe/mail/a.hpp", "#pragma once\n#include \"patterns/every.hpp\"\n"},
        {"supe/async/a.hpp", "#include \"supe/mail/mailbox.hpp\"\n"},
        {"supe/component/a.hpp", "#include \"supe/supervision/child.hpp\"\n"},
        {"supe/attic/a.hpp", "#include \"supe/async/clock.hpp\"\n"},
        {"patterns/a.hpp", "  #  include <x>\n#include \"components/queue.hpp\"\n"},
        {"components/queue/queue.cpp", "#include \"components/forwarder/forwarder.hpp\"\n"},
        {"components/relay/relay.cpp", "#include \"components/command_line/mail.hpp\"\n"},
        {"components/http/server.cpp", "#include \"components/queue/store.hpp\"\n"},
        {"components/attic/a.cpp", "#include \"components/queue/store.hpp\"\n"},
    });
    const faults expected{
        "supe/mail/a.hpp:2: includes patterns/every.hpp: supe/ does not see patterns/",
        "supe/async/a.hpp:1: includes supe/mail/mailbox.hpp: supe/async/ does not see supe/mail/",
        "supe/component/a.hpp:1: includes supe/supervision/child.hpp: supe/component/ does not see "
        "supe/supervision/",
        "supe/attic/a.hpp:1: includes supe/async/clock.hpp: supe/attic/ is not in this test's "
        "table of rooms",
        "patterns/a.hpp:2: includes components/queue.hpp: patterns/ does not see components/",
        "components/queue/queue.cpp:1: includes components/forwarder/forwarder.hpp: "
        "components/queue/ does not see components/forwarder/",
        "components/relay/relay.cpp:1: includes components/command_line/mail.hpp: "
        "components/relay/ does not see components/command_line/",
        "components/http/server.cpp:1: includes components/queue/store.hpp: components/http/ does "
        "not see components/queue/",
        "components/attic/a.cpp:1: includes components/queue/store.hpp: components/attic/ or "
        "components/queue/ is not in this test's table of steps",
    };
    BOOST_TEST(found == expected, boost::test_tools::per_element());
    expect_none(rules::includes_point_down(repository()));
}

BOOST_AUTO_TEST_CASE(includes_are_reserved) {
    const auto found = rules::includes_are_reserved({
        {"supe/process/posix_launcher.cpp", "#include <boost/process/v2/process.hpp>\n"},
        {"components/http/server.cpp", "#include <boost/beast/http.hpp>\n"},
        {"supe/process/b.cpp", "#include <boost/process/v2/process.hpp>\n"},
        {"patterns/b.cpp", "#include <boost/beast/core.hpp>\n"},
        {"supe/async/b.hpp", "#include <boost/asio/awaitable.hpp>\n#include <boost/asio.hpp>\n"},
    });
    const faults expected{
        "supe/process/b.cpp:1: includes boost/process/v2/process.hpp, which is for "
        "supe/process/posix_launcher.cpp",
        "patterns/b.cpp:1: includes boost/beast/core.hpp, which is for components/http/, tests/",
        "supe/async/b.hpp:2: includes boost/asio.hpp, which is for nobody",
    };
    BOOST_TEST(found == expected, boost::test_tools::per_element());
    expect_none(rules::includes_are_reserved(repository()));
}

BOOST_AUTO_TEST_CASE(words_are_banned) {
    for (const auto& banned : rules::banned_words) {
        const std::string path =
            banned.where.empty() ? "README.md" : banned.where.front() + "a.cpp";
        const faults expected{fmt::format("{}:2: {}: {}", path, banned.word, banned.why)};
        BOOST_TEST(rules::words_are_banned({{path, "\n(\"" + banned.word + "\");\n"}}) == expected,
                   boost::test_tools::per_element());
    }
    expect_none(rules::words_are_banned(repository()));
}

BOOST_AUTO_TEST_CASE(headers_use_no_namespace) {
    const auto found = rules::headers_use_no_namespace({
        {"supe/a.hpp", "// using namespace std;\nusing namespace std::chrono_literals;\n"},
        {"supe/a.cpp", "using namespace std::chrono_literals;\n"},
    });
    const faults expected{"supe/a.hpp:2: using namespace in a header"};
    BOOST_TEST(found == expected, boost::test_tools::per_element());
    expect_none(rules::headers_use_no_namespace(repository()));
}

BOOST_AUTO_TEST_CASE(sizes_are_bounded) {
    using rules::longest_file;
    using rules::longest_function;
    const std::string longest =
        "namespace x {\nvoid a() {\n" + lines(longest_function - 2) + "}\n}\n";
    const std::string too_long = "namespace x {\n\nvoid a::b(options o = {}) : c{1}, d{2} {\n" +
                                 lines(longest_function - 1) + "}\nvoid c() {}\n}\n";
    const auto found = rules::sizes_are_bounded({
        {"supe/a.cpp",
         longest + "const int table[] = {\n" + lines(longest_function, "    1'000,\n") + "};\n"},
        {"supe/b.cpp", too_long},
        {"supe/c.cpp", "struct s {\n" +
                           lines(80, "    int f(int a) { return \"}\"[a] + '}'; }  // }\n") +
                           "};\n"},
        {"supe/d.cpp", lines(longest_file + 1, "\n")},
    });
    const faults expected{
        "supe/b.cpp:3: a::b has 71 lines, 70 are allowed",
        fmt::format("supe/d.cpp:{0}: {1} lines, {0} are allowed", longest_file, longest_file + 1),
    };
    BOOST_TEST(found == expected, boost::test_tools::per_element());
    expect_none(rules::sizes_are_bounded(repository()));
}

BOOST_AUTO_TEST_CASE(top_level_is_clean) {
    const auto found = rules::top_level_is_clean({{"run", ""},
                                                  {".gitignore", ""},
                                                  {"supe/a.hpp", ""},
                                                  {"notes.txt", ""},
                                                  {"src/a.hpp", ""}});
    const faults expected{"notes.txt: does not belong at the top",
                          "src/a.hpp: does not belong at the top"};
    BOOST_TEST(found == expected, boost::test_tools::per_element());
    expect_none(rules::top_level_is_clean(repository()));
}

BOOST_AUTO_TEST_CASE(folders_are_described) {
    const auto found = rules::folders_are_described({
        {"README.md", ""},
        {"supe/README.md", "`mail/` keeps mail"},
        {"supe/mail/a.hpp", ""},
        {"supe/attic/a.hpp", ""},
        {"patterns/a.hpp", ""},
        {"tests/README.md", ""},
        {"tests/mail/a_test.cpp", ""},
        {"tests/attic/a_test.cpp", ""},
    });
    const faults expected{"patterns/README.md: there is none",
                          "supe/README.md: does not describe attic/",
                          "tests/README.md: does not describe attic/"};
    BOOST_TEST(found == expected, boost::test_tools::per_element());
    expect_none(rules::folders_are_described(repository()));
}

BOOST_AUTO_TEST_CASE(guarantees_are_tested) {
    const auto found = rules::guarantees_are_tested({
        {"tests/mail/box_test.cpp",
         "BOOST_AUTO_TEST_CASE(full) {\n// BOOST_AUTO_TEST_CASE(off) {\n"},
        {"supe/README.md",
         "| **x** | `no/case` |\n## Mail\n| what | by |\n| **a** | `box/full`, `box/off` |\n| "
         "**b** | `box/full` | |\n## Other\n| **c** | |\n"},
    });
    const faults expected{"supe/README.md:4: there is no test box/off",
                          "supe/README.md:5: names no test"};
    BOOST_TEST(found == expected, boost::test_tools::per_element());
    expect_none(rules::guarantees_are_tested(repository()));
}

// The sign is written as an escape here: this file is looked at too.
BOOST_AUTO_TEST_CASE(sections_exist) {
    const auto found = rules::sections_exist({
        {"supe/contract.md",
         "# 3. It\n## 1. Words\n```\n## 4. Code\n```\nas in \u00a75\n## 2. More\n"},
        {"supe/mail/a.hpp", "// contract \u00a71, \u00a72's, (\u00a73.)\n// \u00a74, \u00a72.1\n"},
        {"supe/mail/b.hpp",
         "// RFC 9110 \u00a77.6.1, \u00a78 and \u00a79; contract\n// \u00a77 by RFC\n"
         "///     9110\n    /// \u00a76. OTP \u00a76: \u00a7N\n"},
    });
    const faults expected{
        "supe/contract.md:6: there is no \u00a75 in supe/contract.md",
        "supe/mail/a.hpp:2: there is no \u00a74 in supe/contract.md",
        "supe/mail/a.hpp:2: there is no \u00a72.1 in supe/contract.md",
        "supe/mail/b.hpp:2: there is no \u00a77 in supe/contract.md",
    };
    BOOST_TEST(found == expected, boost::test_tools::per_element());
    expect_none(rules::sections_exist(repository()));
}

BOOST_AUTO_TEST_CASE(links_lead_somewhere) {
    const auto found = rules::links_lead_somewhere({
        {"LICENSE", ""},
        {"README.md",
         "# A `b`, c-d_e: f!\n[a](#a-b-c-d_e-f) [b](#a) [c](https://example.com/#x)\n"
         "[d](supe/README.md#mail-1 \"title\"), [e\nf](supe/), [g](LICENSE)\n"
         "[h](supe/README.md#mail-2) [i](attic.md) `[j](attic.md)`\n"
         "```\n[k](attic.md)\n```\n[l]: tests/attic\n"},
        {"supe/README.md",
         "## Mail\n## Mail\n```\n## Code\n```\n[a](../README.md) [b](README.md)\n"
         "[c](#code) [d](../../LICENSE) [e](mail/a.hpp) [f](mail) ``[g](`h`)``\n"},
        {"supe/mail/a.hpp", "[a](attic.md)"},
    });
    const faults expected{
        "README.md:2: README.md has no heading #a",
        "README.md:5: supe/README.md has no heading #mail-2",
        "README.md:5: there is no attic.md",
        "README.md:9: there is no tests/attic",
        "supe/README.md:7: supe/README.md has no heading #code",
        "supe/README.md:7: there is no ../LICENSE",
    };
    BOOST_TEST(found == expected, boost::test_tools::per_element());
    expect_none(rules::links_lead_somewhere(repository()));
}

BOOST_AUTO_TEST_CASE(sources_have_headers) {
    const auto found = rules::sources_have_headers({
        {"supe/mail/a.hpp", ""},
        {"supe/mail/a.cpp", ""},
        {"supe/mail/a_frames.cpp", ""},
        {"supe/mail/b.cpp", ""},
        {"supe/async/asio.cpp", ""},
        {"supe/async/a_b.cpp", ""},
    });
    const std::string why = "has no header, and this test's list has no reason for it";
    const faults expected{"supe/mail/b.cpp:1: " + why, "supe/async/a_b.cpp:1: " + why};
    BOOST_TEST(found == expected, boost::test_tools::per_element());
    expect_none(rules::sources_have_headers(repository()));
}

BOOST_AUTO_TEST_CASE(declarations_are_used) {
    const auto found = rules::declarations_are_used({
        {"supe/mail/a.hpp",
         "void used();\nint unused();\nbool inline_and_unused() { return true; }\n"
         "void never_defined(int a);\n"},
        {"supe/mail/a.cpp", "void used() {}\nint unused() { return 1; }\n"},
        {"supe/mail/b.cpp", "// unused()\nvoid f() { used(); }\n"},
    });
    const std::string why = " is declared, and used nowhere";
    const faults expected{"supe/mail/a.hpp:2: unused" + why,
                          "supe/mail/a.hpp:3: inline_and_unused" + why,
                          "supe/mail/a.hpp:4: never_defined" + why};
    BOOST_TEST(found == expected, boost::test_tools::per_element());
    expect_none(rules::declarations_are_used(repository()));
}

BOOST_AUTO_TEST_CASE(headers_are_used) {
    const auto found = rules::headers_are_used({
        {"supe/mail/a.hpp", ""},
        {"supe/mail/b.cpp", "#include \"supe/mail/a.hpp\"\n"},
        {"supe/mail/c.hpp", ""},
        {"supe/mail/c.cpp", "#include \"supe/mail/c.hpp\"\n"},
        {"supe/mail/d.hpp", ""},
        {"tests/mail/d_test.cpp", "#include \"supe/mail/d.hpp\"\n"},
        {"patterns/e.hpp", ""},
        {"tests/patterns/e_test.cpp", "#include \"patterns/e.hpp\"\n"},
    });
    const faults expected{"supe/mail/c.hpp:1: nobody includes it",
                          "supe/mail/d.hpp:1: nobody includes it"};
    BOOST_TEST(found == expected, boost::test_tools::per_element());
    expect_none(rules::headers_are_used(repository()));
}

BOOST_AUTO_TEST_CASE(types_have_own_names) {
    expect_none(rules::types_have_own_names({
        {"components/a/a.hpp", "struct x {\n};\nstruct y;\n    struct z {};\n"},
        {"components/b/b.hpp", "class x;\nstruct y {};\nstruct z {\n"},
        {"components/b/b.cpp", "struct x {\n"},
        {"patterns/x.hpp", "class x {\n"},
    }));
    const auto found = rules::types_have_own_names({
        {"components/a/a.hpp", "struct x {\n};\nenum class e { a };\n"},
        {"components/b/b.hpp", "\nclass x final : public y {\n};\nenum class e : int { b };\n"},
    });
    BOOST_TEST(found == (faults{"components/b/b.hpp:2: x is a type of components/a/a.hpp already",
                                "components/b/b.hpp:4: e is a type of components/a/a.hpp already"}),
               boost::test_tools::per_element());
    expect_none(rules::types_have_own_names(repository()));
}

BOOST_AUTO_TEST_SUITE_END()
