// Notices of one supervisor for somebody elsewhere in the tree.
#pragma once

#include "supe/component/component.hpp"

#include <string>
#include <vector>

namespace patterns {

/// Sends each notice with one of these names, as the noticeboard of the component's supervisor has
/// it, as mail to `to`: `{"notice":NAME,"message":…,"from":ADDRESS}`, where ADDRESS is the
/// component's. Ends when the component is asked to shut down. Run it beside other work in a
/// nursery.
///
///     const std::vector<std::string> names{"web-crashed", "queue-depth"};
///     co_await patterns::forward_notices(self, names, "/alerts");
///
/// A notice is kept nowhere, its mail is: so those who must not miss one can be down. Those of one
/// name arrive in order. Where the mail is not accepted (a full mailbox, an address that nobody has
/// yet), it is tried again, and of what is published meanwhile the newest are kept
/// (component::options::notice_limit). A new life of the component begins with the last notice of
/// each name, which may be sent twice. Throws std::runtime_error where a watch is refused.
supe::awaitable<> forward_notices(supe::component& self, std::vector<std::string> names,
                                  std::string to);

}  // namespace patterns
