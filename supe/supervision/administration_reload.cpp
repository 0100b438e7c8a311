// A new tree file for a running supervisor: differences are applied, the rest is not touched.
#include "supe/supervision/administration.hpp"
#include "supe/tree/tree_file.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <functional>
#include <ranges>
#include <string_view>
#include <unordered_map>

namespace supe {
namespace {

/// By name; valid as long as `all`.
template <class Named>
std::unordered_map<std::string_view, const Named*> index_of_names(const std::vector<Named>& all) {
    std::unordered_map<std::string_view, const Named*> index;
    index.reserve(all.size());
    for (const Named& one : all) index.emplace(one.name, &one);
    return index;
}

/// All but the config, which may have megabytes.
boost::json::value json_without_config(child_spec spec) {
    spec.config = shared_json();
    return to_json(spec);
}

/// The same for two specs that differ in the order of a config's keys.
std::size_t hash_of(const child_spec& spec) {
    const std::hash<boost::json::value> hash;
    constexpr std::size_t mix = 0x9e3779b97f4a7c15;
    return hash(json_without_config(spec)) * mix + hash(*spec.config);
}

/// The fields that only the supervisor uses: they take effect without a new process.
void copy_policy(const child_spec& from, child_spec& to) {
    to.restart = from.restart;
    to.significant = from.significant;
    to.limit = from.limit;
    to.on_excessive = from.on_excessive;
    to.retry_after = from.retry_after;
    to.backoff = from.backoff;
    to.clean_exits = from.clean_exits;
    to.log = from.log;
    to.may = from.may;
}

/// For one of several instances: their names and their number are not compared.
bool same_but_instances(const child_spec& a, child_spec b) {
    b.name = a.name;
    b.instances = a.instances;
    return a.config == b.config && json_without_config(a) == json_without_config(std::move(b));
}

/// True when no new process is needed: only policy differs, or the tree of a nested supervisor.
bool same_process(const child_spec& a, child_spec b) {
    copy_policy(a, b);
    if (a.supervisor && b.supervisor) b.supervisor = a.supervisor;
    return same_but_instances(a, std::move(b));
}

/// Those of `before` that are not there now, in reverse.
template <class Named>
std::vector<std::string> names_missing(const std::vector<Named>& before,
                                       const std::vector<Named>& now) {
    const auto there = index_of_names(now);
    std::vector<std::string> names;
    for (const Named& old : before | std::views::reverse)
        if (!there.contains(old.name)) names.push_back(old.name);
    return names;
}

/// Of any of its children, at any depth.
bool has_paths_to_sockets(const supervisor_spec& tree) {
    return std::ranges::any_of(tree.children, [](const child_spec& child) {
        return (child.supervisor && has_paths_to_sockets(*child.supervisor)) ||
               std::ranges::any_of(child.listen, [](const std::string& address) {
                   return address.starts_with(unix_prefix);
               });
    });
}

void note(std::string& problems, const std::string& problem) {
    if (!problem.empty()) problems += (problems.empty() ? "" : "; ") + problem;
}

}  // namespace

administration::written_child administration::as_written(const child_spec& spec) {
    return {spec.name, hash_of(spec), spec.instances};
}

awaitable<std::vector<administration::written_child>> administration::written(
    const std::vector<child_spec>& children) {
    std::vector<written_child> all;
    all.reserve(children.size());
    for (const child_spec& child : children) {
        all.push_back(as_written(child));
        co_await pause_after(all.size());
    }
    co_return all;
}

/// What one reload works on.
struct administration::reload_work {
    std::vector<child_spec> now;        // as the file has them
    std::vector<written_child> listed;  // of `now`
    std::vector<written_child> before;
    std::unordered_map<std::string_view, const written_child*> before_by_name;
    socket_claims sockets;  // of all that changes
    std::string problems;

    const written_child* before_of(std::size_t i) const {
        const auto found = before_by_name.find(listed[i].name);
        return found == before_by_name.end() ? nullptr : found->second;
    }
    bool differs(std::size_t i) const {
        const written_child* const old = before_of(i);
        return !old || old->spec != listed[i].spec || sockets.contains(listed[i].name);
    }
};

awaitable<std::string> administration::reload_now(supervisor_spec tree) {
    reload_work work;
    work.now = std::exchange(tree.children, {});
    work.listed = co_await written(work.now);
    work.before = std::exchange(written_, work.listed);
    work.before_by_name = index_of_names(work.before);
    const std::vector<std::string> unlisted = names_missing(work.before, work.listed);
    // Of all that changes, before anything does: a child may take over what another one has.
    for (const std::string& name : unlisted) work.sockets.emplace(name, claim_of(name, nullptr));
    for (std::size_t i = 0; i < work.now.size(); ++i)
        if (work.differs(i) || has_other_sockets(work.now[i]))
            work.sockets.emplace(work.now[i].name, claim_of(work.now[i].name, &work.now[i]));
    children_.hand_over_sockets(work.sockets);
    if (std::exchange(tree.name, spec_.name) != tree.name)
        note(work.problems,
             fmt::format("the name stays {} until the tree is started again", tree.name));
    if (tree.journal != spec_.journal)
        note(work.problems, "mail.journal takes effect at the next start");
    spec_ = std::move(tree);
    restarts_.change(spec_);
    notices_.set_forward(spec_.forward);
    const std::string not_removed = co_await remove_all(unlisted);
    note(work.problems, not_removed);
    co_await reload_changed(work);
    if (is_ending()) co_return ending_text({});
    std::vector<int> order;
    for (const written_child& one : work.listed)
        std::ranges::copy(numbers_of(one.name), std::back_inserter(order));
    restarts_.order(order);
    co_return work.problems;
}

/// Those who cannot have their sockets come last, and try again. What had the address may have gone
/// by then, as a child of a nested supervisor: its socket is none of ours to take over.
awaitable<> administration::reload_changed(reload_work& work) {
    std::vector<const child_spec*> on_demand;
    std::vector<std::size_t> first, last;
    for (std::size_t i = 0; i < work.listed.size(); ++i) {
        if (!work.differs(i)) continue;
        if (work.now[i].demand) on_demand.push_back(&work.now[i]);
        const bool has_problem = !work.sockets.at(work.listed[i].name).problem.empty();
        (has_problem ? last : first).push_back(i);
    }
    const std::string not_restarted = co_await reload_demanded(std::move(on_demand));
    note(work.problems, not_restarted);
    co_await reload_each(work, std::move(first));
    if (last.empty() || is_ending()) co_return;
    work.sockets.clear();
    for (const std::size_t i : last)
        work.sockets.emplace(work.listed[i].name, claim_of(work.listed[i].name, &work.now[i]));
    children_.hand_over_sockets(work.sockets);
    co_await reload_each(work, std::move(last));
}

awaitable<> administration::reload_each(reload_work& work, std::vector<std::size_t> which) {
    std::size_t done = 0;
    for (const std::size_t i : which) {
        if (is_ending()) co_return;
        const std::string& name = work.listed[i].name;
        const written_child* const old = work.before_of(i);
        const unsigned instances_before = old ? old->instances : 0;
        child_spec spec = std::move(work.now[i]);  // a config may have megabytes
        socket_claim claim = std::move(work.sockets.at(name));
        const restarter::position where = place_of(work, i);
        const reloaded result =
            co_await reload_child(std::move(spec), std::move(claim), instances_before, where);
        note(work.problems, result.problem);
        if (!result.applied) not_applied(name, old);
        co_await pause_after(++done);
    }
}

/// Behind the next one above it in the file that is in the tree.
restarter::position administration::place_of(const reload_work& work, std::size_t i) {
    while (i > 0) {
        const auto here = children_.members(work.listed[--i].name);
        if (!here.empty()) return restarter::position::behind(here.back()->who.number());
    }
    return restarter::position::first();
}

/// `now`: null for a child that is to be removed.
socket_claim administration::claim_of(const std::string& name, const child_spec* now) {
    socket_claim claim;
    if (now) {
        claim.addresses = now->listen;
        claim.directory = now->directory;
    }
    const auto here = children_.members(name);
    if (!here.empty()) claim.before = here.front()->sockets;
    return claim;
}

/// Where a path leads to its socket no more, or a process of it has sockets that are not the
/// child's any more. A nested supervisor looks itself.
bool administration::has_other_sockets(const child_spec& spec) {
    if (spec.supervisor) return has_paths_to_sockets(*spec.supervisor);
    const auto here = children_.members(spec.name);
    if (here.empty()) return false;
    return (here.front()->sockets && !here.front()->sockets->are_in_place()) ||
           std::ranges::any_of(here, &child_entry::has_old_sockets);
}

/// Demand children stop first, and together, as in reload_demanded().
awaitable<std::string> administration::remove_all(std::vector<std::string> names) {
    std::string problems;
    for (const std::string& name : names) {
        for (const int number : numbers_of(name)) {
            const child_entry* const entry = children_.find(number);
            if (entry && entry->who.spec().demand && !is_ending())
                supervisor_.perform(restarts_.remove(number, time_.now()));
        }
    }
    for (const std::string& name : names) {
        if (!children_.is_taken(name) || is_ending()) continue;
        const std::string problem = co_await remove_now(name);
        note(problems, problem);
    }
    co_return problems;
}

/// The next reload looks at this child whatever its file says: its spec there is forgotten. A
/// nested supervisor may have a part of its new tree.
void administration::not_applied(const std::string& name, const written_child* before) {
    const auto noted = std::ranges::find(written_, name, &written_child::name);
    if (noted == written_.end()) return;
    if (!children_.is_taken(name)) {
        written_.erase(noted);
    } else {
        noted->spec.reset();
        if (before) noted->instances = before->instances;
    }
}

/// The processes have descriptors of their own: they get the new sockets when they are restarted.
awaitable<administration::reloaded> administration::reload_child(child_spec spec,
                                                                 socket_claim sockets,
                                                                 unsigned instances_before,
                                                                 restarter::position where) {
    const std::string name = spec.name;
    const auto here = children_.members(name);
    const bool another_kind =
        !here.empty() && here.front()->who.is_supervisor() != (spec.supervisor != nullptr);
    const std::vector<int> numbers = numbers_of(name);
    reloaded result;
    if (!here.empty() && !another_kind && !sockets.problem.empty()) {
        result.problem = fmt::format("{}; {} goes on as it was", sockets.problem, name);
        result.applied = false;
        co_return result;
    }
    if (another_kind) co_await remove_now(name);
    if (another_kind || here.empty()) {
        // Without sockets it tries once more: the child of that name may have had the address.
        result.problem = co_await add_at(std::move(spec), std::move(sockets.now), where);
        result.applied = result.problem.empty();
        co_return result;
    }
    for (child_entry* const entry : here) entry->sockets = sockets.now;
    sockets.now.reset();
    const unsigned instances = spec.instances;
    if (child_group* const group = children_.find_group(name)) group->spec = spec;
    for (const int number : numbers) {
        const std::string own = co_await reload_one(number, spec);
        if (result.problem.empty()) result.problem = own;
    }
    const std::string not_shared = co_await share_sockets(name, failed_start::is_tried_again);
    if (result.problem.empty()) result.problem = not_shared;
    result.applied = result.problem.empty() || !spec.supervisor;
    if (result.problem.empty() && instances != instances_before && children_.is_taken(name))
        result.problem = co_await scale_now(name, instances);
    co_return result;
}

/// Updates every copy of the spec of a child.
void administration::change_spec(child_entry& entry, const child_spec& spec) {
    child_spec own = as_child(spec);
    own.name = entry.who.spec().name;
    entry.mail.box.set_limits(own.mail->mailbox());
    supervisor_.on_mail_limits(entry);
    entry.who.change(std::move(own));
    restarts_.change(entry.who.number());
}

awaitable<std::string> administration::reload_one(int number, child_spec spec) {
    child_entry* const entry = children_.find(number);
    if (!entry) co_return std::string();
    const child_spec old = entry->who.spec();
    const child_spec now = as_child(spec);
    const auto state = restarts_.status_of(number);
    const bool given_up = state == restarter::status::given_up;
    const bool changed = !same_but_instances(old, now);
    const bool other_process = entry->has_old_sockets() || !same_process(old, now);
    change_spec(*entry, spec);
    std::string problem;
    if (state == restarter::status::stopped || (given_up && !changed)) co_return problem;
    if (other_process || given_up) {
        problem = co_await restart_now(old.name, failed_start::is_tried_again);
    } else if (spec.supervisor) {  // it finds out itself whether its own tree differs
        problem = co_await reload_below(old.name, *spec.supervisor);
    }
    co_return problem;
}

/// Those that get a new process are restarted together, and before the others. Mail starts them, so
/// that none depends on another, and each may take its time to stop. What they have in hand ends
/// while those who sent it are still there: else these would send it once more.
awaitable<std::string> administration::reload_demanded(std::vector<const child_spec*> changed) {
    std::vector<attempt> tries;
    for (const child_spec* const spec : changed) {
        for (const int number : numbers_of(spec->name)) {
            child_entry* const entry = children_.find(number);
            if (!entry || is_ending()) continue;
            const child_spec& old = entry->who.spec();
            const bool has_sockets = !old.listen.empty() || !spec->listen.empty();
            const bool is_stopped = restarts_.status_of(number) == restarter::status::stopped;
            if (!old.demand || has_sockets || is_stopped || same_process(old, as_child(*spec)))
                continue;
            change_spec(*entry, *spec);
            tries.push_back(attempt_at(*entry, wanted::new_life));
            supervisor_.perform(
                restarts_.restart(number, time_.now(), failed_start::is_tried_again));
        }
    }
    std::string problems;
    for (const attempt& one : tries) {
        const std::string problem = co_await came_up(one);
        note(problems, problem);
    }
    co_return problems;
}

/// A nested supervisor that is down gets the new tree at its next start.
awaitable<std::string> administration::reload_below(std::string nested, supervisor_spec tree) {
    child_entry* const entry = children_.find(nested);
    if (!entry || entry->who.pid() == 0) co_return std::string();
    const std::string address = entry->who.address();
    const std::uint32_t life = entry->who.life();
    supervisor_request request{supervisor_request::kind::reload, to_json(tree)};
    const std::function<bool()> is_wanted = [this, nested] {
        const child_entry* const asked = children_.find(nested);
        return asked && !is_unwanted(*asked);
    };
    const boost::json::value answer =
        co_await below_.ask(entry->who, std::move(request), is_wanted);
    if (is_ending()) co_return ending_text(nested);
    if (!is_wanted()) co_return fmt::format("{} is not waited for: it is to be stopped", address);
    if (answer.is_object()) {
        const auto* error = answer.get_object().if_contains("error");
        co_return error && error->is_string() ? std::string(error->get_string()) : std::string();
    }
    const child_entry* const now = children_.find(nested);
    if (now && now->who.pid() != 0 && now->who.life() == life)
        co_return fmt::format(
            "{} does not answer (for 10 s): whether it has its new tree is not "
            "known",
            address);
    co_return fmt::format("{} ended during the reload: it gets its new tree when it starts again",
                          address);
}

}  // namespace supe
