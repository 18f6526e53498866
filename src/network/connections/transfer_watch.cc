#include "network/connections/transfer_watch.h"

#include <linux/netlink.h>
#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "base/fd.h"
#include "base/text.h"
#include "kernel/network_namespace.h"

namespace isotach::network {
namespace {

using kernel::Activity;
using kernel::SocketEntry;
using kernel::TaskActivity;

// New sockets and children are looked for that often: it reads folders of /proc.
constexpr std::int64_t kLookEveryNs = 200'000'000;
constexpr std::size_t kCommandLimit = 64;
constexpr std::size_t kProcessLimit = 64;
constexpr std::uint16_t kNamePort = 53;

// How much an activity says about why a connection does not go on.
int weight_of(Activity activity) {
  switch (activity) {
    case Activity::disk:
      return 6;
    case Activity::running:
      return 5;
    case Activity::timed:
      return 4;
    case Activity::readiness:
      return 3;
    case Activity::socket_read:
    case Activity::socket_write:
    case Activity::pipe:
      return 2;
    case Activity::lock:
    case Activity::other:
      return 1;
    case Activity::child:
    case Activity::unknown:
      break;
  }
  return 0;
}

void keep_bounded(std::vector<TransferMoment>& moments) {
  if (moments.size() < kMomentLimit) return;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < moments.size(); i += 2) moments[kept++] = std::move(moments[i]);
  moments.resize(kept);
}

}  // namespace

double TransferTrace::seconds() const {
  if (moments.size() < 2) return 0;
  return static_cast<double>(moments.back().time_ns - moments.front().time_ns) / 1e9;
}

std::uint64_t TransferTrace::bytes_sent() const {
  if (moments.empty()) return 0;
  return moments.back().ours.bytes_acked - moments.front().ours.bytes_acked;
}

std::uint64_t TransferTrace::bytes_received() const {
  if (moments.empty()) return 0;
  return moments.back().ours.bytes_received - moments.front().ours.bytes_received;
}

Activity choose_activity(std::uint32_t inode, const std::vector<TaskActivity>& tasks) {
  Activity best = Activity::unknown;
  for (const TaskActivity& task : tasks) {
    if (inode != 0 && task.socket == inode) return task.activity;
    if (weight_of(task.activity) > weight_of(best)) best = task.activity;
  }
  return best;
}

Result<TransferWatch> TransferWatch::open(const kernel::SystemRoot& root, int process, Options options) {
  auto identity = process == 0 ? kernel::current_network_namespace() : kernel::network_namespace_of(process);
  if (!identity) return tl::make_unexpected(std::move(identity.error()));
  std::optional<kernel::NetlinkSocket> socket;
  const auto opened = kernel::in_network_namespace(*identity, [&]() -> Result<void> {
    auto made = kernel::NetlinkSocket::open(NETLINK_SOCK_DIAG);
    if (!made) return tl::make_unexpected(std::move(made.error()));
    socket = std::move(*made);
    return {};
  });
  if (!opened) return tl::make_unexpected(opened.error());
  if (!socket) return failure(ErrorKind::failed, "process " + std::to_string(process) + " has ended");
  return TransferWatch(root, options, std::move(*socket), std::move(*identity));
}

TransferWatch::TransferWatch(const kernel::SystemRoot& root, Options options, kernel::NetlinkSocket socket,
                             std::string name_space)
    : root_(root),
      options_(options),
      socket_(std::make_unique<kernel::NetlinkSocket>(std::move(socket))),
      namespace_(std::move(name_space)),
      lister_(root) {}

std::string TransferWatch::command_of(int process) const {
  const auto text = read_file(root_.path("proc/" + std::to_string(process) + "/comm"), kCommandLimit);
  return text ? printable(trim(*text)) : std::string();
}

void TransferWatch::follow_process(int process) {
  if (processes_.size() >= kProcessLimit) return;
  if (std::any_of(processes_.begin(), processes_.end(),
                  [&](const ProcessTrace& one) { return one.process == process; }))
    return;
  ProcessTrace trace;
  trace.process = process;
  trace.command = command_of(process);
  trace.activities.resize(static_cast<std::size_t>(Activity::other) + 1);
  processes_.push_back(std::move(trace));
}

void TransferWatch::follow(const SocketEntry& socket) {
  for (const TransferTrace& trace : traces_)
    if (trace.socket.cookie == socket.cookie) return;
  if (traces_.size() >= options_.most) {
    ++left_out_;
    return;
  }
  TransferTrace trace;
  trace.socket = socket;
  traces_.push_back(std::move(trace));
  followed_.emplace_back();
}

void TransferWatch::follow(const SocketEntry& socket, const SocketEntry& other_end) {
  const std::size_t before = traces_.size();
  follow(socket);
  if (traces_.size() == before) return;
  followed_.back().other = other_end;
  followed_.back().theirs = socket_.get();
  traces_.back().other_end_here = true;
}

void TransferWatch::keep_only(const std::unordered_set<std::uint64_t>& cookies) {
  std::size_t kept = 0;
  std::size_t held = 0;
  std::size_t paired = 0;
  for (std::size_t i = 0; i < traces_.size(); ++i) {
    if (!cookies.contains(traces_[i].socket.cookie)) continue;
    held += i < held_ ? 1 : 0;
    paired += i < paired_ ? 1 : 0;
    if (kept != i) {
      traces_[kept] = std::move(traces_[i]);
      followed_[kept] = followed_[i];
    }
    ++kept;
  }
  traces_.resize(kept);
  followed_.resize(kept);
  held_ = held;
  paired_ = paired;
}

void TransferWatch::forget_before(std::int64_t time_ns) {
  for (TransferTrace& trace : traces_) {
    const auto first =
        std::find_if(trace.moments.begin(), trace.moments.end(),
                     [time_ns](const TransferMoment& moment) { return moment.time_ns >= time_ns; });
    trace.moments.erase(trace.moments.begin(), first);
  }
}

void TransferWatch::look_for_children() {
  std::vector<kernel::ProcessLister::Found> found;
  if (!lister_.list_new(found)) return;
  // A child may be listed before its parent.
  for (bool more = true; more;) {
    more = false;
    for (const auto& one : found) {
      const auto known = [&](unsigned pid) {
        return std::any_of(processes_.begin(), processes_.end(), [pid](const ProcessTrace& trace) {
          return trace.process == static_cast<int>(pid);
        });
      };
      if (processes_.size() >= kProcessLimit || known(one.pid) || !known(one.parent_pid)) continue;
      follow_process(static_cast<int>(one.pid));
      more = true;
    }
  }
}

Result<void> TransferWatch::look_for_sockets() {
  std::unordered_map<std::uint32_t, std::vector<int>> holders;
  for (const ProcessTrace& trace : processes_)
    for (const std::uint32_t inode : kernel::sockets_of(root_, trace.process))
      holders[inode].push_back(trace.process);
  bool all_known = true;
  for (auto& [inode, processes] : holders) {
    const auto known =
        std::find_if(traces_.begin(), traces_.end(),
                     [wanted = inode](const TransferTrace& trace) { return trace.socket.inode == wanted; });
    if (known == traces_.end()) {
      all_known = false;
    } else {
      known->processes = processes;
    }
  }
  if (all_known) return {};
  std::vector<SocketEntry> sockets;
  if (auto listed = kernel::list_sockets(*socket_, IPPROTO_TCP, sockets); !listed) return listed;
  for (const SocketEntry& socket : sockets) {
    if (!is_connection(socket)) continue;
    const auto held = holders.find(socket.inode);
    if (held == holders.end()) continue;
    const std::size_t before = traces_.size();
    follow(socket);
    if (traces_.size() == before) continue;
    traces_.back().processes = held->second;
    traces_.back().command = command_of(held->second.front());
  }
  return {};
}

const std::vector<TaskActivity>& TransferWatch::tasks_of(int process, Tasks& tasks) {
  const auto [entry, added] = tasks.try_emplace(process);
  if (added) {
    entry->second = kernel::read_task_activity(root_, process);
    // Where this program watches itself, the thread that looks is of no interest.
    const pid_t self = ::gettid();
    std::erase_if(entry->second, [self](const TaskActivity& task) { return task.thread == self; });
  }
  return entry->second;
}

Activity TransferWatch::activity_behind(std::uint32_t inode, const std::vector<int>& processes,
                                        Tasks& tasks) {
  Activity best = Activity::unknown;
  for (const int process : processes) {
    const auto& all = tasks_of(process, tasks);
    for (const TaskActivity& task : all)
      if (inode != 0 && task.socket == inode) return task.activity;
    const Activity one = choose_activity(inode, all);
    if (weight_of(one) > weight_of(best)) best = one;
  }
  return best;
}

void TransferWatch::note_name_waits(Tasks& tasks) {
  std::unordered_set<std::uint32_t> to_servers;
  std::vector<SocketEntry> sockets;
  if (kernel::list_sockets(*socket_, IPPROTO_UDP, sockets))
    for (const SocketEntry& socket : sockets)
      if (socket.remote_port == kNamePort) to_servers.insert(socket.inode);
  for (ProcessTrace& trace : processes_) {
    const auto& all = tasks_of(trace.process, tasks);
    if (all.empty()) continue;
    ++trace.moments;
    ++trace.activities[static_cast<std::size_t>(choose_activity(0, all))];
    if (to_servers.empty()) continue;
    const auto held = kernel::sockets_of(root_, trace.process);
    const bool waits = std::any_of(all.begin(), all.end(), [](const TaskActivity& task) {
      return task.activity == Activity::readiness || task.activity == Activity::socket_read;
    });
    if (waits && std::any_of(held.begin(), held.end(),
                             [&](std::uint32_t inode) { return to_servers.contains(inode); }))
      ++trace.waits_for_names;
  }
}

void TransferWatch::look_at_threads(Clock& clock, Tasks& tasks) {
  const std::int64_t begin_ns = clock.now().monotonic_ns;
  const bool due = begin_ns >= threads_due_ns_;
  for (std::size_t i = 0; i < traces_.size(); ++i) {
    auto& moments = traces_[i].moments;
    if (followed_[i].gone || moments.empty()) continue;
    TransferMoment& moment = moments.back();
    if (due) {
      moment.our_activity = activity_behind(traces_[i].socket.inode, traces_[i].processes, tasks);
      moment.their_activity = activity_behind(followed_[i].other.inode, traces_[i].their_processes, tasks);
    } else if (moments.size() > 1) {
      moment.our_activity = moments[moments.size() - 2].our_activity;
      moment.their_activity = moments[moments.size() - 2].their_activity;
    }
  }
  if (!due) return;
  const std::int64_t end_ns = clock.now().monotonic_ns;
  threads_due_ns_ = end_ns + options_.rest * (end_ns - begin_ns);
}

Result<void> TransferWatch::read_counters(Clock& clock) {
  std::vector<const SocketEntry*> asked;
  for (std::size_t i = 0; i < traces_.size(); ++i) {
    if (followed_[i].gone) continue;
    asked.push_back(&traces_[i].socket);
    if (followed_[i].theirs == socket_.get()) asked.push_back(&followed_[i].other);
  }
  auto details = kernel::read_socket_details(*socket_, asked);
  if (!details) return tl::make_unexpected(std::move(details.error()));
  // Looking for new ones may have taken long: the counters are those of now.
  const std::int64_t time_ns = clock.now().monotonic_ns;
  std::size_t next = 0;
  for (std::size_t i = 0; i < traces_.size(); ++i) {
    Followed& followed = followed_[i];
    if (followed.gone) continue;
    auto& ours = (*details)[next++];
    auto* theirs = followed.theirs == socket_.get() ? &(*details)[next++] : nullptr;
    if (!ours) {
      followed.gone = true;
      continue;
    }
    TransferMoment moment;
    moment.time_ns = time_ns;
    moment.ours = std::move(*ours);
    if (theirs != nullptr) moment.theirs = std::move(*theirs);
    if (theirs == nullptr && followed.theirs != nullptr) {  // in another namespace
      auto other = kernel::read_socket_detail(*followed.theirs, followed.other);
      if (other) moment.theirs = std::move(*other);
    }
    keep_bounded(traces_[i].moments);
    traces_[i].moments.push_back(std::move(moment));
  }
  return {};
}

Result<void> TransferWatch::sample(Clock& clock) {
  const std::int64_t now_ns = clock.now().monotonic_ns;
  if (looked_ns_ == 0 || now_ns - looked_ns_ >= kLookEveryNs) {
    looked_ns_ = now_ns;
    if (!processes_.empty()) {
      look_for_children();
      if (auto looked = look_for_sockets(); !looked) return looked;
    }
    if (options_.both_ends) look_for_other_ends();
    if (options_.activities) look_for_holders(clock);
  }
  if (auto read = read_counters(clock); !read) return read;
  Tasks tasks;
  if (options_.activities) look_at_threads(clock, tasks);
  if (!processes_.empty()) note_name_waits(tasks);
  return {};
}

}  // namespace isotach::network
