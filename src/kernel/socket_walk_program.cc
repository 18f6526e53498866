#include "kernel/socket_walk_program.h"

#ifdef ISOTACH_WITH_BPF

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <netinet/in.h>
#include <sockets.skel.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/fd.h"
#include "base/units.h"
#include "kernel/privileges.h"
#include "kernel/socket_row.h"

namespace isotach::kernel {
namespace {

// What the kernel hands over at a time; of less than that a row could be cut in two.
constexpr std::size_t kReadPages = 8;

struct SkeletonCloser {
  void operator()(sockets_bpf* skeleton) const { sockets_bpf__destroy(skeleton); }
};
struct LinkCloser {
  void operator()(bpf_link* link) const { bpf_link__destroy(link); }
};
using Link = std::unique_ptr<bpf_link, LinkCloser>;

SocketEntry entry_of(const socket_row& row) {
  SocketEntry entry;
  entry.protocol = IPPROTO_TCP;
  entry.ip_version = row.ip_version;
  std::memcpy(entry.local.data(), row.local, sizeof row.local);
  std::memcpy(entry.remote.data(), row.remote, sizeof row.remote);
  unmap_addresses(entry);
  entry.local_port = row.local_port;
  entry.remote_port = row.remote_port;
  entry.interface = row.interface;
  entry.state = row.state;
  entry.inode = row.inode;
  entry.user = row.user;
  entry.cookie = row.cookie;
  entry.receive_queue = row.receive_queue;
  entry.send_queue = row.send_queue;
  entry.send_buffer = row.send_buffer;
  entry.send_buffer_used = row.send_buffer_used;
  if (row.has_tcp == 0) return entry;
  SocketTcp& tcp = entry.tcp.emplace();
  tcp.rtt_us = row.rtt_us;
  tcp.retransmits = row.retransmits;
  tcp.bytes_in = row.bytes_in;
  tcp.bytes_out = row.bytes_out;
  tcp.segments_in = row.segments_in;
  tcp.segments_out = row.segments_out;
  tcp.least_rtt_us = row.least_rtt_us == ~std::uint32_t{0} ? 0 : row.least_rtt_us;
  tcp.mss = row.mss;
  tcp.window_segments = row.window_segments;
  tcp.threshold_segments = row.threshold_segments;
  tcp.in_flight_segments = row.in_flight_segments;
  tcp.peer_window = row.peer_window;
  tcp.delivery_rate = row.delivery_rate;
  tcp.in_loss = row.in_loss != 0;
  tcp.busy_us = row.busy_us;
  tcp.window_limited_us = row.window_limited_us;
  tcp.buffer_limited_us = row.buffer_limited_us;
  return entry;
}

// Each row that a new walk of the program writes.
template <typename Row, typename Take>
Result<void> walk(const Link& link, const char* doing, std::vector<char>& buffer, Take take) {
  const Fd fd(bpf_iter_create(bpf_link__fd(link.get())));
  if (!fd.is_open()) return system_failure(errno, doing);
  // Rows are whole in what one read gives.
  for (;;) {
    const ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0) return system_failure(errno, doing);
    if (got == 0) return {};
    for (std::size_t at = 0; at + sizeof(Row) <= static_cast<std::size_t>(got); at += sizeof(Row)) {
      Row row;
      std::memcpy(&row, buffer.data() + at, sizeof row);
      take(row);
    }
  }
}

class LoadedSocketWalk final : public SocketWalk {
 public:
  LoadedSocketWalk(std::unique_ptr<sockets_bpf, SkeletonCloser> skeleton, Link tcp, Link files)
      : skeleton_(std::move(skeleton)), tcp_(std::move(tcp)), files_(std::move(files)) {}

  Result<void> list(std::vector<SocketEntry>& sockets) override {
    return walk<socket_row>(tcp_, "walk over the sockets", buffer_, [&](const socket_row& row) {
      if (sockets.size() < kSocketListLimit) sockets.push_back(entry_of(row));
    });
  }

  Result<std::unordered_map<std::uint32_t, std::uint32_t>> holders() override {
    std::unordered_map<std::uint32_t, std::uint32_t> holders;
    const auto take = [&](const socket_holder_row& row) {
      if (row.pid == 0 || holders.size() >= kSocketListLimit) return;
      const auto [found, added] = holders.emplace(row.inode, row.pid);
      if (!added) found->second = std::min(found->second, row.pid);
    };
    if (auto walked = walk<socket_holder_row>(files_, "walk over the files of processes", buffer_, take);
        !walked)
      return tl::make_unexpected(std::move(walked.error()));
    return holders;
  }

 private:
  std::unique_ptr<sockets_bpf, SkeletonCloser> skeleton_;
  Link tcp_, files_;
  std::vector<char> buffer_ =
      std::vector<char>(kReadPages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)));
};

}  // namespace

Result<std::unique_ptr<SocketWalk>> SocketWalk::load() {
  libbpf_set_print([](libbpf_print_level, const char*, va_list) { return 0; });
  constexpr const char* kDoing = "load the BPF programs that walk over sockets";
  std::unique_ptr<sockets_bpf, SkeletonCloser> skeleton(sockets_bpf__open_and_load());
  if (!skeleton) return system_failure(errno, kDoing, root_or_grant());
  if (skeleton->kconfig->CONFIG_HZ == 0)
    return failure(ErrorKind::not_supported, "the kernel does not tell how long its ticks are");
  Link tcp(bpf_program__attach_iter(skeleton->progs.walk_tcp, nullptr));
  if (!tcp) return system_failure(errno, kDoing, root_or_grant());
  Link files(bpf_program__attach_iter(skeleton->progs.walk_files, nullptr));
  if (!files) return system_failure(errno, kDoing, root_or_grant());
  return std::make_unique<LoadedSocketWalk>(std::move(skeleton), std::move(tcp), std::move(files));
}

}  // namespace isotach::kernel

#else

namespace isotach::kernel {

Result<std::unique_ptr<SocketWalk>> SocketWalk::load() {
  return failure(ErrorKind::not_supported, "this isotach was built without BPF");
}

}  // namespace isotach::kernel

#endif
