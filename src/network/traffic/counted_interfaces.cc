#include "network/traffic/counted_interfaces.h"

#include <optional>
#include <utility>

#include "base/text.h"
#include "network/traffic/methods.h"

namespace isotach::network {

void CountedInterfaces::leave_out(std::string sentence) {
  constexpr std::size_t kMostSentences = 16;
  if (missing_.size() < kMostSentences) missing_.push_back(std::move(sentence));
}

Result<void> CountedInterfaces::begin(kernel::RouteSocket& routes) {
  const auto links = routes.links();
  if (!links) return tl::make_unexpected(links.error());
  std::optional<Error> refused;
  for (const kernel::RouteLink& link : *links)
    if (wants_interface(options_, link.name))
      if (auto added = add(link); !added && !refused) refused = added.error();
  if (watched_.empty() && refused) return tl::make_unexpected(*refused);
  const auto after = routes.links();
  if (!after) return tl::make_unexpected(after.error());
  settle(*after);
  return {};
}

Result<void> CountedInterfaces::add(const kernel::RouteLink& link) {
  const auto head = link_head_of(link.hardware);
  if (!head) {
    leave_out(printable(link.name) + " is left out: it carries neither Ethernet frames nor bare IP.");
    return {};
  }
  const auto block = blocks_.find_free();
  if (!block) {
    leave_out(printable(link.name) + " is left out: there are too many interfaces; name some.");
    return {};
  }
  if (auto started = counting_.start(link, *block, *head); !started) {
    counting_.stop(link.index);
    leave_out(started.error().message() + ".");
    return started;
  }
  Entry entry;
  entry.block = *block;
  entry.watched.base_before = link;
  InterfaceTraffic row = new_row(link);
  row.speed_bits_s = speed_of(kernel::SystemRoot(), link);
  entry.row = accounts_.add_interface(std::move(row));
  accounts_.assign_block(entry.block, static_cast<std::uint32_t>(entry.row));
  blocks_.take(entry.block);
  watched_[link.index] = std::move(entry);
  return {};
}

void CountedInterfaces::settle(const std::vector<kernel::RouteLink>& links) {
  for (auto& [index, entry] : watched_) {
    if (entry.settled) continue;
    const kernel::RouteLink* link = link_with(links, index);
    entry.watched.base_after = link != nullptr ? *link : entry.watched.base_before;
    entry.settled = true;
  }
}

void CountedInterfaces::compare(const std::vector<kernel::RouteLink>& before,
                                const std::vector<kernel::RouteLink>& after) {
  for (const auto& [index, entry] : watched_) {
    const kernel::RouteLink* first = link_with(before, index);
    const kernel::RouteLink* last = link_with(after, index);
    if (first == nullptr || last == nullptr || !entry.settled) continue;
    InterfaceTraffic& row = accounts_.interfaces()[entry.row];
    entry.watched.compare(*first, *last, row);
    if (options_.filter.empty()) continue;
    // The kernel counts what the filter keeps from us as well.
    row.not_accounted_in.reset();
    row.not_accounted_out.reset();
  }
}

void CountedInterfaces::add_drops(std::uint32_t index, std::uint64_t count) {
  if (const auto found = watched_.find(index); found != watched_.end())
    accounts_.interfaces()[found->second.row].dropped += count;
}

void CountedInterfaces::follow(kernel::RouteSocket& routes, const std::vector<kernel::RouteLink>& links) {
  for (auto at = watched_.begin(); at != watched_.end();) {
    if (link_with(links, at->first) != nullptr) {
      ++at;
      continue;
    }
    accounts_.interfaces()[at->second.row].up = false;
    counting_.stop(at->first);
    // What it counted last is in the other buffer: its block is free after that one was read, too.
    blocks_.leave(at->second.block);
    at = watched_.erase(at);
  }
  blocks_.note_read(accounts_);
  bool any = false;
  for (const kernel::RouteLink& link : links) {
    if (!wants_interface(options_, link.name) || watched_.contains(link.index)) continue;
    if (refused_.contains(link.index)) continue;
    if (!add(link) || !watched_.contains(link.index)) refused_.insert(link.index);
    any = true;
  }
  if (!any) return;
  if (const auto now = routes.links()) settle(*now);
}

}  // namespace isotach::network
