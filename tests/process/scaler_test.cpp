// The example of an overseer that scales its siblings, as its own first lines show it, with real
// processes; and what it may not do.
#include "tests/support/files.hpp"
#include "tests/support/operator_session.hpp"
#include "tests/support/readme.hpp"

#include <boost/algorithm/string/replace.hpp>
#include <boost/test/unit_test.hpp>
#include <csignal>

namespace {

/// Holds its mail for a while.
constexpr const char* slow_worker =
    R"(signal() { printf '{"type":"signal","signal":"%s"}\n' "$1" >&3; }
signal READY-TO-RECEIVE-MAIL
while IFS= read -r -u 3 frame; do
    case $frame in
        '{"type":"mail",'*) sleep 0.3; signal ACK-CURRENT-MAIL ;;
        *SUPE-SHUTDOWN*) exit 0 ;;
    esac
done
)";

struct fixture {
    support::operator_session session;

    fixture() {
        std::filesystem::create_symlink(SUPE_EXAMPLES "/scaler", session.file("scaler"));
        support::write_file(session.file("worker.sh"), slow_worker);
    }
    /// The tree of the example, with a worker in bash.
    static std::string tree() {
        std::string text = support::shown_in("patterns/examples/scaler.hpp",
                                             "//     { \"name\": \"shop\"", "//\n");
        boost::replace_all(text, "//", "");
        boost::replace_all(text, R"("command": ["node", "service.js"])",
                           R"("command": ["tail", "-f", "/dev/null"])");
        boost::replace_all(text, "\"./workers\"", R"("bash", "worker.sh")");
        boost::replace_all(text, R"("mails_each": 20)", R"("mails_each": 20, "calm": "2s")");
        return R"({ "name": "shop")" + text;
    }
    std::size_t workers() const {
        const auto status = session.status("/workers");
        return status.is_object()
                   ? std::max<std::size_t>(1, status.at("children").as_array().size())
                   : 0;
    }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(scaler, fixture)

// A backlog brings instances, and they go when it is worked off. `supe status` has its line.
BOOST_AUTO_TEST_CASE(example) {
    const auto shop = session.run_tree(tree());
    BOOST_TEST(session.reaches("/scaler", "running"), shop->err());
    for (int job = 0; job < 60; ++job)
        BOOST_TEST_REQUIRE(session.ask({"mail", "workers", "1"}).code == 0);
    BOOST_TEST(support::until([&] { return workers() >= 2; }), shop->err());
    BOOST_TEST(support::until([&] { return workers() == 1; }), shop->err());
    BOOST_TEST(support::until([&] {
        const std::string line = "/scaler says: mails: 0, instances of workers: 1\n";
        return session.ask({"status"}).out.find(line) != std::string::npos;
    }));
    shop->signal(SIGTERM);
    BOOST_TEST(shop->wait() == 0, shop->err());
}

// Without `may` the scaler fails, and its line names the field.
BOOST_AUTO_TEST_CASE(without_may) {
    std::string text = tree();
    boost::replace_all(text, R"("may": ["scale"],)", "");
    boost::replace_all(text, R"("mails_each": 20)", R"("mails_each": 1)");
    const auto shop = session.run_tree(text);
    for (int job = 0; job < 20; ++job) session.ask({"mail", "workers", "1"});
    const std::string line =
        "[scaler] scale workers: scaler may not scale siblings: \"may\" of "
        "scaler in the tree file has no \"scale\"\n";
    BOOST_TEST(support::until([&] { return shop->err().find(line) != std::string::npos; }),
               shop->err());
    shop->signal(SIGTERM);
    BOOST_TEST(shop->wait() == 0, shop->err());
}

BOOST_AUTO_TEST_SUITE_END()
