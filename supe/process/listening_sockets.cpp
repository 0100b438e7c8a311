// Decides which child gets which listening socket, and opens what nobody has.
#include "supe/process/listening_sockets.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <cerrno>
#include <system_error>

namespace supe {

listening_sockets_of_child::listening_sockets_of_child(const std::vector<std::string>& addresses,
                                                       const std::filesystem::path& directory) {
    for (const auto& text : addresses) {
        wanted_socket wanted(text, directory);
        auto socket = std::make_shared<listening_socket>(wanted);
        add(std::move(wanted), std::move(socket));
    }
}

void listening_sockets_of_child::add(wanted_socket wanted, shared_socket socket) {
    wanted_.push_back(std::move(wanted));
    all_.push_back(std::move(socket));
}

std::vector<std::string> listening_sockets_of_child::asked() const {
    std::vector<std::string> texts;
    for (const wanted_socket& one : wanted_) texts.push_back(one.text);
    return texts;
}

bool listening_sockets_of_child::are_in_place() const {
    for (std::size_t i = 0; i < all_.size(); ++i)
        if (!all_[i]->is_at(wanted_[i])) return false;
    return true;
}

bool listening_sockets_of_child::had(const wanted_socket& path) const {
    if (path.address.what != listen_address::kind::unix_path) return false;
    for (std::size_t i = 0; i < all_.size(); ++i)
        if (wanted_[i].text == path.text || all_[i]->place() == path.place) return true;
    return false;
}

std::vector<int> listening_sockets_of_child::descriptors() const {
    std::vector<int> fds;
    for (const auto& socket : all_) fds.push_back(socket->descriptor());
    return fds;
}

std::vector<std::string> listening_sockets_of_child::addresses() const {
    std::vector<std::string> places;
    for (const auto& socket : all_) places.push_back(socket->place());
    return places;
}

started_sockets::started_sockets(const listening_sockets_of_child* sockets) {
    if (sockets) all_.assign(sockets->all().begin(), sockets->all().end());
}

bool started_sockets::are(const listening_sockets_of_child* now) const {
    if (!now) return all_.empty();
    const auto is_same = [](const auto& one, const auto& other) {
        return !one.owner_before(other) && !other.owner_before(one);
    };
    return std::ranges::equal(all_, now->all(), is_same);
}

std::vector<std::optional<std::size_t>> takeovers(const std::vector<wanted_place>& wanted,
                                                  const std::vector<held_place>& held) {
    using child_and_place = std::pair<std::string_view, std::string_view>;
    std::multimap<std::string_view, std::size_t> by_place;
    std::multimap<child_and_place, std::size_t> by_request;
    for (std::size_t i = 0; i < held.size(); ++i) {
        by_place.emplace(held[i].place, i);
        by_request.emplace(child_and_place(held[i].child, held[i].asked), i);
    }
    std::vector<std::optional<std::size_t>> taken(wanted.size());
    std::vector<bool> is_gone(held.size());
    const auto take = [&](std::size_t w, auto& index, const auto& key) {
        for (auto found = index.find(key); found != index.end(); found = index.find(key)) {
            const std::size_t candidate = found->second;
            index.erase(found);
            if (is_gone[candidate]) continue;
            taken[w] = candidate;
            is_gone[candidate] = true;
            return;
        }
    };
    for (std::size_t w = 0; w < wanted.size(); ++w) take(w, by_place, wanted[w].place);
    for (std::size_t w = 0; w < wanted.size(); ++w) {
        if (!taken[w]) take(w, by_request, child_and_place(wanted[w].child, wanted[w].place));
    }
    return taken;
}

namespace {

/// One try to satisfy all claims without a problem.
class handover {
public:
    handover(socket_claims& claims, const std::vector<const listening_socket*>& staying)
        : beside_(staying) {
        for (auto& [child, claim] : claims) {
            if (claim.problem.empty()) {
                note_wanted(child, claim);
                note_held(child, claim);
            } else if (claim.before) {
                for (const auto& socket : claim.before->all()) {
                    beside_.push_back(socket.get());
                    if (socket->is_found()) kept_.emplace(socket->place(), child);
                }
            }
        }
    }
    void perform();

private:
    using shared_socket = listening_sockets_of_child::shared_socket;
    struct request {
        const std::string& child;
        socket_claim& claim;
        wanted_socket socket;
    };
    void note_wanted(const std::string& child, socket_claim& claim);
    void note_held(const std::string& child, const socket_claim& claim);
    shared_socket opened(const request& r, const std::vector<const listening_socket*>& leaving);
    static void refuse(const std::string& child, socket_claim& claim, const listen_error& why) {
        claim.problem = fmt::format("{} cannot listen on {}", child, why.what());
    }

    std::vector<request> wanted_;
    std::vector<held_place> held_;
    std::vector<shared_socket> sockets_;                 // of held_
    std::map<std::string_view, std::string_view> kept_;  // places of children that failed
    std::vector<const listening_socket*> beside_;        // what is open afterwards, as far as known
};

void handover::note_wanted(const std::string& child, socket_claim& claim) {
    try {
        for (const std::string& text : claim.addresses)
            wanted_.push_back({child, claim, wanted_socket(text, claim.directory)});
    } catch (const listen_error& e) {
        refuse(child, claim, e);
    }
}

void handover::note_held(const std::string& child, const socket_claim& claim) {
    if (!claim.before) return;
    for (const shared_socket& socket : claim.before->all()) {
        if (!socket->is_found()) continue;
        held_.push_back({child, socket->place(), socket->asked()});
        sockets_.push_back(socket);
    }
}

void handover::perform() {
    std::vector<wanted_place> places;
    for (const request& r : wanted_) places.push_back({r.child, r.socket.place});
    const auto taken = takeovers(places, held_);
    std::vector<bool> stays(sockets_.size());
    for (const auto& one : taken)
        if (one) stays[*one] = true;
    std::vector<const listening_socket*> leaving;
    for (std::size_t i = 0; i < sockets_.size(); ++i)
        (stays[i] ? beside_ : leaving).push_back(sockets_[i].get());
    std::map<socket_claim*, std::shared_ptr<listening_sockets_of_child>> complete;
    for (std::size_t w = 0; w < wanted_.size(); ++w) {
        const request& r = wanted_[w];
        if (!r.claim.problem.empty()) continue;
        try {
            shared_socket socket = taken[w] ? sockets_[*taken[w]] : opened(r, leaving);
            auto& all = complete[&r.claim];
            if (!all) all = std::make_shared<listening_sockets_of_child>();
            all->add(r.socket, std::move(socket));
        } catch (const listen_error& e) {
            refuse(r.child, r.claim, e);
        }
    }
    for (auto& [claim, all] : complete) {
        if (claim->problem.empty()) claim->now = std::move(all);
    }
}

/// The kernel does not always refuse an address beside another one of the port: it remembers for a
/// while that sockets of ours shared that.
auto handover::opened(const request& r, const std::vector<const listening_socket*>& leaving)
    -> shared_socket {
    const wanted_socket& wanted = r.socket;
    const auto kept = kept_.find(wanted.place);
    if (kept != kept_.end())
        throw listen_error(
            fmt::format("{}: {} goes on as it was, and has it", wanted.text, kept->second));
    for (const listening_socket* const other : beside_) {
        if (other->bound().overlaps(wanted.address))
            throw listen_error(
                fmt::format("{}: {}", wanted.text, std::generic_category().message(EADDRINUSE)));
    }
    auto socket = std::make_shared<const listening_socket>(wanted, leaving);
    beside_.push_back(socket.get());
    if (r.claim.before && r.claim.before->had(wanted)) r.claim.renewed.push_back(wanted.text);
    return socket;
}

std::size_t problems_of(const socket_claims& claims) {
    std::size_t problems = 0;
    for (const auto& [child, claim] : claims) problems += claim.problem.empty() ? 0 : 1;
    return problems;
}

}  // namespace

void hand_over(socket_claims& claims, const std::vector<const listening_socket*>& staying) {
    // What one child keeps, after it failed, may be what another one asked for.
    for (std::size_t before = 0, after = 0;; before = after) {
        for (auto& [child, claim] : claims) {
            claim.now.reset();
            claim.renewed.clear();
        }
        handover(claims, staying).perform();
        after = problems_of(claims);
        if (after == before) break;
    }
    for (auto& [child, claim] : claims) claim.before.reset();
}

}  // namespace supe
