// Children whose supervisor is the test itself. Their processes only read: the frames to each are
// kept as text, and so are the reports of the children and their mail.
#pragma once

#include "supe/simulation/simulated_launcher.hpp"
#include "supe/supervision/child_registry.hpp"
#include "tests/support/router_fixture.hpp"
#include "tests/support/virtual_loop.hpp"

#include <map>

namespace support {

/// A child whose stop is a kill.
inline supe::child_spec spec_of(const std::string& name) {
    supe::child_spec spec;
    spec.name = name;
    spec.component = "listener";
    spec.shutdown.limit = supe::milliseconds(0);
    spec.backoff.edit().jitter = 0;
    return spec;
}

inline supe::child_spec nested_spec_of(const std::string& name) {
    supe::child_spec spec = spec_of(name);
    spec.component.clear();
    spec.supervisor = std::make_shared<supe::supervisor_spec>();
    return spec;
}

struct children_fixture : recorded_events, supe::child_host, supe::line_sink {
    std::map<std::string, int> sockets;  // the processes' ends of the channels, by address
    virtual_loop loop;
    supe::simulation::simulated_launcher launcher{loop.time()};
    supe::nursery all{loop.time()};
    supe::turnstile starts_one_by_one{loop.time()};
    supe::outbox out;
    supe::supervisor_mail mail;
    supe::child_registry children;

    explicit children_fixture(const std::string& address = "")
        : mail(address, "id-", loop.time(), out, *this),
          children(address, *this, mail.directory, loop.time(), all) {
        launcher.provide("listener", [this](supe::simulation::process_start start) {
            return listen(*this, std::move(start));
        });
        loop.run_beside([this] { return launcher.poll(); });
    }
    ~children_fixture() override {
        loop.start(children.join_all());
        loop.run_ready();
        loop.run_beside({});
    }

    /// Adds a child and starts its process.
    supe::child_entry& add(supe::child_spec spec) {
        supe::child_entry& entry = children.add(std::move(spec));
        entry.begin();
        start(entry);
        return entry;
    }
    supe::child_entry& add(const std::string& name) { return add(spec_of(name)); }
    void remove(supe::child_entry& entry) {
        mail.delivery.bury(entry.public_name(), mail.take_out(entry.mail), entry.mail.kind,
                           supe::mail_delivery::remains::become_letters);
        children.remove(entry.who.number());
    }
    void start(supe::child_entry& entry) {
        entry.who.start(request_for(entry.who));
        loop.run_ready();
    }
    static supe::launch_request request_for(const supe::child& c) {
        supe::launch_request request;
        request.command = c.spec().command.empty() ? words{"listener"} : c.spec().command;
        request.environment = {"SUPE_ADDRESS=" + c.address()};
        return request;
    }
    void crash(const supe::child_entry& entry) {
        launcher.end(entry.who.address(), supe::exit_status::killed(SIGSEGV));
        loop.run_ready();
    }
    /// The frames to the process at this address since the last call.
    words received(const std::string& address) {
        mail.flush();
        loop.run_ready();
        const auto socket = sockets.find(address);
        return socket == sockets.end() ? words{} : frames_at(socket->second);
    }
    words received(const supe::child_entry& entry) { return received(entry.who.address()); }
    words taken() { return std::exchange(events, {}); }

    // child_host
    supe::clock& time() override { return loop.time(); }
    supe::launcher& processes() override { return launcher; }
    supe::turnstile& starts() override { return starts_one_by_one; }
    supe::line_sink& sink() override { return *this; }
    void log(std::string_view text) override { events.push_back(fmt::format("log: {}", text)); }
    void on_started(supe::child& c) override {
        mail.delivery.on_connected(children.at(c.number()).mail, *c.link(), c.life());
    }
    void on_ready(supe::child& c) override { events.push_back("ready: " + c.spec().name); }
    void on_disconnected(supe::child& c) override {
        mail.delivery.on_disconnected(children.at(c.number()).mail);
    }
    void on_ended(supe::child& c, const supe::child_end& end) override {
        events.push_back(fmt::format("ended: {} {}", c.spec().name, end.text()));
    }
    void on_refused(supe::child&, const std::string& why) override { events.push_back(why); }
    void on_frame(supe::child&, std::string_view) override {}
    void on_bad_frame(supe::child&, const std::string&) override {}
    void on_line(supe::child&, supe::stream, std::string_view) override {}
    void after_turn(supe::child&) override {}

    // line_sink
    void write(supe::stream, std::string_view, std::string_view) override {}

private:
    struct presence {
        std::map<std::string, int>& sockets;
        std::string address;
        supe::unique_fd fd;
        presence(std::map<std::string, int>& all, const supe::simulation::process_start& start)
            : sockets(all), address(start.address), fd(start.channel_fd) {
            sockets[address] = fd.get();
        }
        ~presence() {
            const auto found = sockets.find(address);
            if (found != sockets.end() && found->second == fd.get()) sockets.erase(found);
        }
    };
    static supe::awaitable<int> listen(children_fixture& f, supe::simulation::process_start start) {
        const presence here(f.sockets, start);
        supe::timer for_ever(start.time);
        co_await for_ever.wait();
        co_return 0;
    }
};

}  // namespace support
