#include "network/path/leave_stamps.h"

#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <poll.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "base/clock.h"

namespace isotach::path {
namespace {

// A queue of the interface may hold a packet for a while; what is stamped later than that is of another.
constexpr std::int64_t kLatestNs = 100'000'000;
constexpr int kPatienceMs = 2;
constexpr std::size_t kAtOnce = 32;

struct Stamp {
  std::int64_t time_ns = 0;
  std::uint32_t number = 0;
};

std::optional<Stamp> stamp_of(msghdr& message) {
  std::optional<std::int64_t> time_ns;
  std::optional<std::uint32_t> number;
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_TIMESTAMPING) {
      scm_timestamping times{};
      std::memcpy(&times, CMSG_DATA(part), sizeof times);
      time_ns = times.ts[0].tv_sec * kNanosecondsPerSecond + times.ts[0].tv_nsec;
      continue;
    }
    if (part->cmsg_len < CMSG_LEN(sizeof(sock_extended_err)) || part->cmsg_level == SOL_SOCKET) continue;
    sock_extended_err what{};
    std::memcpy(&what, CMSG_DATA(part), sizeof what);
    if (what.ee_origin == SO_EE_ORIGIN_TIMESTAMPING) number = what.ee_data;
  }
  if (!time_ns || !number) return std::nullopt;
  return Stamp{*time_ns, *number};
}

}  // namespace

void SendControl::add_bytes(int level, int type, const void* bytes, std::size_t size) {
  if (used_ + CMSG_SPACE(size) > bytes_.size()) return;
  auto* head = reinterpret_cast<cmsghdr*>(bytes_.data() + used_);
  head->cmsg_level = level;
  head->cmsg_type = type;
  head->cmsg_len = CMSG_LEN(size);
  std::memcpy(CMSG_DATA(head), bytes, size);
  used_ += CMSG_SPACE(size);
}

void SendControl::give_to(msghdr& message) {
  message.msg_control = used_ > 0 ? bytes_.data() : nullptr;
  message.msg_controllen = used_;
}

void LeaveStamps::begin(int fd) {
  drop_late(fd);
  calls_.clear();
  missing_ = 0;
  if (!works_) return;
  // Switched off and on, it numbers anew.
  for (const int flags :
       {0, SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_ID | SOF_TIMESTAMPING_OPT_TSONLY})
    works_ = works_ && ::setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &flags, sizeof flags) == 0;
}

void LeaveStamps::ask(SendControl& control) const {
  if (works_) control.add(SOL_SOCKET, SO_TIMESTAMPING, std::uint32_t{SOF_TIMESTAMPING_TX_SOFTWARE});
}

void LeaveStamps::sent(std::size_t first, std::size_t end) {
  if (!works_) return;
  calls_.push_back({first, end});
  ++missing_;
}

bool LeaveStamps::read_some(int fd, std::vector<std::int64_t>* times_ns) {
  struct Slot {
    alignas(cmsghdr) std::array<char, 256> control;
  };
  std::array<Slot, kAtOnce> slots;
  std::array<mmsghdr, kAtOnce> messages{};
  for (std::size_t i = 0; i < kAtOnce; ++i) {
    messages[i].msg_hdr.msg_control = slots[i].control.data();
    messages[i].msg_hdr.msg_controllen = slots[i].control.size();
  }
  const int got = ::recvmmsg(fd, messages.data(), kAtOnce, MSG_ERRQUEUE | MSG_DONTWAIT, nullptr);
  for (int i = 0; i < got; ++i) {
    const auto stamp = stamp_of(messages[static_cast<std::size_t>(i)].msg_hdr);
    if (!stamp) continue;
    missing_ -= std::min<std::size_t>(missing_, 1);
    if (times_ns == nullptr || stamp->number >= calls_.size()) continue;
    const Call& call = calls_[stamp->number];
    if (call.end > times_ns->size()) continue;
    const std::int64_t later_ns = stamp->time_ns - (*times_ns)[call.first];
    if (later_ns < 0 || later_ns > kLatestNs) continue;  // the clock was set
    stamped_ever_ = true;
    for (std::size_t at = call.first; at < call.end; ++at) (*times_ns)[at] += later_ns;
  }
  return got > 0;
}

void LeaveStamps::take(int fd, std::vector<std::int64_t>& times_ns) {
  while (missing_ > 0) {
    if (read_some(fd, &times_ns)) continue;
    pollfd error{fd, 0, 0};
    if (::poll(&error, 1, kPatienceMs) <= 0) break;
    if (!read_some(fd, &times_ns)) break;  // it is another error
  }
  if (!stamped_ever_ && !calls_.empty()) works_ = false;
}

void LeaveStamps::drop_late(int fd) {
  while (missing_ > 0 && read_some(fd, nullptr)) {
  }
}

}  // namespace isotach::path
