// A new tree file for a running tree: differences are applied, the rest is not touched.
#include "tests/support/players.hpp"
#include "tests/support/temporary_directory.hpp"

#include <sys/socket.h>
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>

using support::player_world;
using namespace std::chrono_literals;
using status = supe::restarter::status;

namespace {

std::string tree(const std::string& children, const std::string& more = "") {
    return fmt::format(R"({{"name": "t", {}"children": [{}]}})", more, children);
}

std::string diligent(const std::string& name, const std::string& more = "") {
    return fmt::format(R"({{"name": "{}", "component": "diligent"{}}})", name, more);
}

std::string reload_with(player_world& w, const std::string& text) {
    return w.by_hand(w.root().admin().reload(supe::parse_tree(text, "tree", "/")));
}

/// Sends a mail to /g/x, and keeps all that it receives in `received`.
supe::simulation::program sender_of_one(supe::clock& time, std::string& received) {
    return [&](supe::simulation::process_start start) {
        return [](supe::clock& clock, std::string& all, int fd) -> supe::awaitable<int> {
            const supe::unique_fd channel(fd);
            const std::string mail =
                R"({"type":"mail","to":"/g/x","msg":1,"id":"m","receipt":true})";
            BOOST_REQUIRE(::send(fd, (mail + "\n").data(), mail.size() + 1, 0) > 0);
            for (;;) {
                co_await clock.sleep_for(100ms);
                char text[4096];
                const ssize_t n = ::recv(fd, text, sizeof text, MSG_DONTWAIT);
                if (n > 0) all.append(text, static_cast<std::size_t>(n));
            }
        }(time, received, start.channel_fd);
    };
}

std::string names(const player_world& w) {
    std::string all;
    for (const supe::child* c : const_cast<player_world&>(w).root().children())
        all += c->spec().name + " ";
    return all;
}

/// The descriptor of a child's only socket.
int socket_of(player_world& w, const std::string& name) {
    return w.root().entry_of(*w.root().find(name)).sockets->descriptors().at(0);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(reload)

// The same file again: nothing happens, although an operator changed the tree since.
BOOST_AUTO_TEST_CASE(nothing_changed) {
    const auto text = tree(diligent("a") + "," + diligent("b") + "," +
                           diligent("x", R"(, "restart": "temporary")"));
    player_world w(text);
    w.by_hand(w.root().admin().stop("a"));
    w.by_hand(w.root().admin().add(supe::parse_child(diligent("c"), "child", "/")));
    w.exit("/x");
    const std::size_t from = w.notices().size();
    BOOST_TEST(reload_with(w, text) == "");
    BOOST_TEST(w.notices().size() == from);
    BOOST_TEST(names(w) == "a b c ");
    BOOST_TEST(w.status_of("a") == status::stopped);
}

// What cannot change while it runs is an error; the rest of the file takes effect.
BOOST_AUTO_TEST_CASE(only_at_the_next_start) {
    player_world w(tree(diligent("a")));
    BOOST_TEST(reload_with(w, R"({"name": "u", "mail": {"journal": true}, "children": [)" +
                                  diligent("b") + "]}") ==
               "the name stays t until the tree is started again; mail.journal takes effect at the "
               "next start");
    BOOST_TEST(names(w) == "b ");
}

// So it is for a nested supervisor: whether the mail that it took is lost at its death is a matter
// of the life that took it.
BOOST_AUTO_TEST_CASE(journal_of_a_life) {
    for (const bool before : {false, true}) {
        const auto text = [](bool journal) {
            return tree(
                fmt::format(
                    R"({{"name": "g", "mail": {{"journal": {}}}, "children": [{{"name": "x", "component": "stubborn"}}]}}, )",
                    journal) +
                R"({"name": "s", "component": "sender"})");
        };
        std::string received;
        supe::simulation::world w;
        support::provide_players(w);
        w.provide_program("sender", sender_of_one(w.time(), received));
        w.run(text(before));
        w.advance(1s);
        BOOST_TEST(received.find("MAIL-ACCEPTED") != std::string::npos);
        w.by_hand(w.root().admin().reload(supe::parse_tree(text(!before), "tree", "/")));
        w.crash("/g");
        w.advance(1s);
        BOOST_TEST((received.find("supervisor-died") == std::string::npos) == before, received);
    }
}

// One child is removed, one is added at its position, one is changed, and no other child is
// touched. The changed one keeps its mail.
BOOST_AUTO_TEST_CASE(differences) {
    player_world w(tree(diligent("a") + "," +
                        R"({"name": "b", "component": "stubborn", "shutdown": "kill"})" + "," +
                        diligent("c")));
    const auto c = w.pid_of("/c");
    w.mail("/b", R"({"n": 1})");
    const std::size_t from = w.notices().size();
    BOOST_TEST(reload_with(w, tree(diligent("d") + "," + diligent("b") + "," + diligent("c"))) ==
               "");
    BOOST_TEST(names(w) == "d b c ");
    BOOST_TEST(w.events({"shutdown", "removed", "created", "started"}, from) ==
               "shutdown a, removed a, created d, started d, shutdown b, started b");
    BOOST_TEST(w.pid_of("/c") == c);
    BOOST_TEST(w.count("mail-dead-lettered") == 0u);
    BOOST_TEST(w.root()
                   .entry_of(*w.root().find("b"))
                   .mail.box.empty());  // it was redelivered, and acknowledged this time
}

// What only the supervisor uses takes effect at once, without a new process.
BOOST_AUTO_TEST_CASE(policy) {
    player_world w(tree(diligent("a") + "," + diligent("b")));
    const auto a = w.pid_of("/a");
    BOOST_TEST(reload_with(w, tree(diligent("a", R"(, "max_restarts": 0)") + "," + diligent("b"),
                                   R"("strategy": "one_for_all", "max_restarts": 1,)")) == "");
    BOOST_TEST(w.pid_of("/a") == a);
    w.crash("/a");
    BOOST_TEST(w.status_of("a") == status::given_up);
    w.crash("/b");
    BOOST_TEST(w.ended());  // a crash of a, and one of b: more than one
}

// A stopped child stays stopped, and starts with its new spec.
BOOST_AUTO_TEST_CASE(changed_while_stopped) {
    player_world w(tree(diligent("a")));
    w.by_hand(w.root().admin().stop("a"));
    BOOST_TEST(reload_with(w, tree(R"({"name": "a", "component": "nobody"})")) == "");
    BOOST_TEST(w.status_of("a") == status::stopped);
    BOOST_TEST(w.by_hand(w.root().admin().start("a")) ==
               "/a did not come up: nobody: No such file or directory");
}

// A child that is given up is started when its spec has changed: in what its process gets, and in
// policy alone. With the same spec it stays down.
BOOST_AUTO_TEST_CASE(given_up_and_corrected) {
    const auto bad = R"(, "max_restarts": 0)";
    for (const char* corrected :
         {R"(, "max_restarts": 0, "env": {"A": "1"})", R"(, "max_restarts": 5)",
          R"(, "max_restarts": 0, "on_excessive": "retry")"}) {
        player_world w(tree(diligent("a", bad) + "," + diligent("b", bad)));
        w.crash("/a");
        w.crash("/b");
        BOOST_TEST(w.status_of("a") == status::given_up);
        BOOST_TEST(reload_with(w, tree(diligent("a", corrected) + "," + diligent("b", bad))) == "");
        BOOST_TEST(w.status_of("a") == status::running);
        BOOST_TEST(w.status_of("b") == status::given_up);
    }
}

// It is one that waits to begin anew, too; of several instances those that are given up.
BOOST_AUTO_TEST_CASE(retry_and_corrected) {
    const auto retried = [](const std::string& more) {
        return tree(diligent("a", R"(, "max_restarts": 0, "on_excessive": "retry")" + more));
    };
    player_world w(retried(""));
    w.crash("/a");
    w.advance(1min);
    BOOST_TEST(reload_with(w, retried(R"(, "env": {"A": "1"})")) == "");
    BOOST_TEST(w.status_of("a") == status::running);
    w.advance(10min);
    BOOST_TEST(w.starts_of("/a") == 2u);
    player_world several(retried(R"(, "instances": 3)"));
    several.crash("/a.2");
    BOOST_TEST(several.status_of("a.2") == status::given_up);
    BOOST_TEST(reload_with(several, retried(R"(, "instances": 3, "retry_after": "1h")")) == "");
    BOOST_TEST(several.status_of("a.2") == status::running);
    BOOST_TEST(several.starts_of("/a.1") == 1u);
    // Fewer instances do not correct anything.
    several.crash("/a.2");
    BOOST_TEST(reload_with(several, retried(R"(, "instances": 2, "retry_after": "1h")")) == "");
    BOOST_TEST(several.status_of("a.2") == status::given_up);
}

// New sockets: a new process for each kind of child, in its place in the tree. A temporary one
// stays in the tree too.
BOOST_AUTO_TEST_CASE(sockets) {
    const support::temporary_directory directory;
    for (const char* restart : {"permanent", "transient", "temporary"}) {
        const auto with = [&](const std::string& file) {
            return tree(diligent("a", fmt::format(R"(, "restart": "{}", "listen": ["unix:{}"])",
                                                  restart, (directory / file).string())) +
                        "," + diligent("b"));
        };
        player_world w(with("old"));
        const auto b = w.pid_of("/b");
        BOOST_TEST(reload_with(w, with("new")) == "");
        BOOST_TEST(w.starts_of("/a") == 2u);
        BOOST_TEST(w.status_of("a") == status::running);
        BOOST_TEST(w.pid_of("/b") == b);
        BOOST_TEST(std::filesystem::exists(directory / "new"));
        BOOST_TEST(!std::filesystem::exists(directory / "old"));
    }
}

// Two children exchange their addresses, and a new child has that of one that is removed: each
// socket is the same one as before. What nobody asks for is closed.
BOOST_AUTO_TEST_CASE(sockets_change_hands) {
    const support::temporary_directory directory;
    const auto on = [&](const std::string& name, const std::string& file) {
        return diligent(name,
                        fmt::format(R"(, "listen": ["unix:{}"])", (directory / file).string()));
    };
    player_world w(tree(on("a", "1") + "," + on("b", "2") + "," + on("old", "3")));
    const int first = socket_of(w, "a"), second = socket_of(w, "b"), third = socket_of(w, "old");
    BOOST_TEST(reload_with(w, tree(on("a", "2") + "," + on("b", "1") + "," + on("new", "3"))) ==
               "");
    BOOST_TEST(socket_of(w, "a") == second);
    BOOST_TEST(socket_of(w, "b") == first);
    BOOST_TEST(socket_of(w, "new") == third);
    for (const char* child : {"/a", "/b"}) BOOST_TEST(w.starts_of(child) == 2u, child);
    for (const char* file : {"1", "2", "3"})
        BOOST_TEST(std::filesystem::exists(directory / file), file);
    BOOST_TEST(reload_with(w, tree(on("a", "2"))) == "");
    BOOST_TEST(!std::filesystem::exists(directory / "1"));
    BOOST_TEST(!std::filesystem::exists(directory / "3"));
}

// A child that goes on as it was keeps its socket, also from the one that asked for it. The next
// reload of the same file tries both again.
BOOST_AUTO_TEST_CASE(a_socket_that_stays) {
    const support::temporary_directory directory;
    const auto on = [&](const std::string& name, const std::string& file) {
        return diligent(name,
                        fmt::format(R"(, "listen": ["unix:{}"])", (directory / file).string()));
    };
    player_world w(tree(on("a", "1") + "," + on("b", "2")));
    const int first = socket_of(w, "a"), second = socket_of(w, "b");
    std::ofstream(directory / "taken") << "a file";
    const std::string next = tree(on("a", "taken") + "," + on("b", "1"));
    const std::string at = (directory / "").string();
    BOOST_TEST(
        reload_with(w, next) ==
        fmt::format("a cannot listen on unix:{0}taken: the file exists and is not a socket; "
                    "a goes on as it was; b cannot listen on unix:{0}1: a goes on as it was, "
                    "and has it; b goes on as it was",
                    at));
    BOOST_TEST(socket_of(w, "a") == first);
    BOOST_TEST(socket_of(w, "b") == second);
    for (const char* child : {"/a", "/b"}) BOOST_TEST(w.starts_of(child) == 1u, child);
    std::filesystem::remove(directory / "taken");
    BOOST_TEST(reload_with(w, next) == "");
    BOOST_TEST(socket_of(w, "b") == first);
    BOOST_TEST(!std::filesystem::exists(directory / "2"));
}

// A new socket that cannot be opened: the child goes on as it was, whatever else of it changed, and
// the others are changed. The next reload of the same file tries it again.
BOOST_AUTO_TEST_CASE(a_socket_that_cannot_be_had) {
    const support::temporary_directory directory;
    const auto with = [&](const std::string& file, const std::string& more) {
        return tree(diligent("a", fmt::format(R"(, "instances": 2, "listen": ["unix:{}"]{})",
                                              (directory / file).string(), more)) +
                    "," + diligent("b", more));
    };
    player_world w(with("old", ""));
    const auto first = w.pid_of("/a.1"), b = w.pid_of("/b");
    std::ofstream(directory / "taken") << "a file";
    const auto next = with("taken", R"(, "env": {"A": "1"})");
    BOOST_TEST(reload_with(w, next) ==
               fmt::format("a cannot listen on unix:{}: the file exists and is not a socket; a "
                           "goes on as it was",
                           (directory / "taken").string()));
    BOOST_TEST(w.pid_of("/a.1") == first);
    BOOST_TEST(w.root().find("a.2")->spec().env->empty());
    BOOST_TEST(w.pid_of("/b") != b);
    BOOST_TEST(std::filesystem::exists(directory / "old"));
    std::filesystem::remove(directory / "taken");
    const auto changed = w.pid_of("/b");
    BOOST_TEST(reload_with(w, next) == "");
    BOOST_TEST(w.starts_of("/a.1") == 2u);
    BOOST_TEST(w.starts_of("/a.2") == 2u);
    BOOST_TEST(w.pid_of("/b") == changed);
    BOOST_TEST(!std::filesystem::exists(directory / "old"));
}

// Where one instance was started with a new socket, the others have one to which no path leads. The
// next reload restarts them, and nobody else.
BOOST_AUTO_TEST_CASE(a_socket_of_instances) {
    const support::temporary_directory directory;
    const std::string path = (directory / "s").string();
    const auto text =
        tree(diligent("a", fmt::format(R"(, "instances": 3, "listen": ["unix:{}"])", path)));
    player_world w(text);
    std::filesystem::remove(path);
    w.crash("/a.2");
    w.advance(1s);
    BOOST_TEST(reload_with(w, text) == "");
    for (const char* child : {"/a.1", "/a.2", "/a.3"}) BOOST_TEST(w.starts_of(child) == 2u, child);
    BOOST_TEST(reload_with(w, text) == "");
    for (const char* child : {"/a.1", "/a.2", "/a.3"}) BOOST_TEST(w.starts_of(child) == 2u, child);
}

// A child takes the address of a nested supervisor's child: of the same name, of one that leaves
// the tree, and of one that stays and is listed later.
BOOST_AUTO_TEST_CASE(an_address_from_below) {
    const support::temporary_directory directory;
    const std::string listen =
        fmt::format(R"(, "listen": ["unix:{}"])", (directory / "s").string());
    const auto nested = [](const std::string& name, const std::string& children) {
        return fmt::format(R"({{"name": "{}", "children": [{}]}})", name, children);
    };
    const std::string x = diligent("x", listen);
    for (const std::string& before : {nested("web", x), nested("n", x)}) {
        player_world w(tree(before));
        BOOST_TEST(reload_with(w, tree(diligent("web", listen))) == "");
        BOOST_TEST(names(w) == "web ");
        BOOST_TEST(w.pid_of("/web") != 0);
        BOOST_TEST(std::filesystem::exists(directory / "s"));
    }
    player_world w(tree(diligent("web") + "," + nested("n", x + "," + diligent("y"))));
    const auto y = w.pid_of("/n/y");
    BOOST_TEST(reload_with(w, tree(diligent("web", listen) + "," + nested("n", diligent("y")))) ==
               "");
    BOOST_TEST(names(w) == "web n ");
    BOOST_TEST(w.starts_of("/web") == 2u);
    BOOST_TEST(w.pid_of("/n/y") == y);
}

// What a reload could not add is added by the next one, with the same file.
BOOST_AUTO_TEST_CASE(added_the_second_time) {
    player_world w(tree(diligent("a")));
    const auto next = tree(diligent("a") + "," + diligent("x"));
    w.fail_next_starts("/x", 1, {"EAGAIN", "Resource temporarily unavailable"});
    BOOST_TEST(reload_with(w, next) == "/x could not be started: Resource temporarily unavailable");
    BOOST_TEST(names(w) == "a ");
    BOOST_TEST(reload_with(w, next) == "");
    BOOST_TEST(names(w) == "a x ");
}

// What cannot be applied is an error, and the rest is applied.
BOOST_AUTO_TEST_CASE(partly_applied) {
    player_world w(tree(diligent("a")));
    BOOST_TEST(reload_with(w, tree(R"({"name": "x", "component": "nobody"})" + std::string(",") +
                                   diligent("b"))) ==
               "/x could not be started: nobody: No such file or directory");
    BOOST_TEST(names(w) == "b ");
}

// A nested supervisor applies its own tree, without touching its other children. When it dies, its
// next life has the new tree.
BOOST_AUTO_TEST_CASE(nested) {
    const auto dam = [](const std::string& children) {
        return fmt::format(R"({{"name": "dam", "children": [{}]}})", children);
    };
    player_world w(tree(dam(diligent("x") + "," + diligent("y"))));
    const auto pid = w.pid_of("/dam"), y = w.pid_of("/dam/y");
    BOOST_TEST(reload_with(w, tree(dam(diligent("y") + "," + diligent("z")))) == "");
    BOOST_TEST(w.pid_of("/dam") == pid);
    BOOST_TEST(w.pid_of("/dam/y") == y);
    BOOST_TEST(w.pid_of("/dam/x") == 0);
    BOOST_TEST(w.pid_of("/dam/z") != 0);
    w.crash("/dam");
    w.advance(1s);
    BOOST_TEST(w.pid_of("/dam/z") != 0);
    BOOST_TEST(w.starts_of("/dam/x") == 1u);
    BOOST_TEST(reload_with(w, tree(dam(R"({"name": "n", "component": "nobody"})"))) ==
               "/dam/n could not be started: nobody: No such file or directory");
}

// Demand children are restarted together, and before the others, wherever they stand in the file;
// and they leave the tree together.
BOOST_AUTO_TEST_CASE(demand_children) {
    const auto with = [](const std::string& form, const std::vector<std::string>& on_demand) {
        const std::string env = fmt::format(R"(, "env": {{"FORM": "{}"}})", form);
        std::string all = diligent("a", env);
        for (const std::string& name : on_demand)
            all += fmt::format(R"(, {{"name": "{}", "component": "slow", "demand": true{}}})", name,
                               env);
        return tree(all);
    };
    player_world w(with("1", {"x", "y", "z"}));
    const auto start_all = [&] {
        for (const char* name : {"/x", "/y", "/z"}) w.mail(name, "1");
        w.advance(1s);
        BOOST_TEST(w.processes() == 4u);
    };
    start_all();
    const std::size_t from = w.notices().size();
    supe::time_point began = w.time().now();
    BOOST_TEST(reload_with(w, with("2", {"x", "y", "z"})) == "");
    BOOST_TEST((w.time().now() - began < 3s));  // each needs two
    const std::string events = w.events({"shutdown", "started"}, from);
    BOOST_TEST(events.size() ==
               std::string("shutdown x, shutdown y, shutdown z, shutdown a, started a").size());
    BOOST_TEST(events.ends_with("shutdown a, started a"), events);
    start_all();
    began = w.time().now();
    BOOST_TEST(reload_with(w, with("2", {})) == "");
    BOOST_TEST((w.time().now() - began < 3s));
    BOOST_TEST(names(w) == "a ");
}

// A program replaces a nested supervisor, and the reverse.
BOOST_AUTO_TEST_CASE(another_kind) {
    player_world w(tree(diligent("a")));
    BOOST_TEST(
        reload_with(
            w, tree(R"({"name": "a", "children": [{"name": "x", "component": "diligent"}]})")) ==
        "");
    BOOST_TEST(w.pid_of("/a/x") != 0);
    BOOST_TEST(reload_with(w, tree(diligent("a"))) == "");
    BOOST_TEST(w.pid_of("/a/x") == 0);
    BOOST_TEST(w.processes() == 1u);
}

BOOST_AUTO_TEST_SUITE_END()
