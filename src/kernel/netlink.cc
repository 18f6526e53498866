#include "kernel/netlink.h"

#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "base/text.h"
#include "kernel/netlink_attributes.h"

namespace isotach::kernel {
namespace {

constexpr std::size_t kReceiveBytes = 65536;
// The kernel answers at once; a driver that hangs while it is asked must not hang us for ever.
constexpr timeval kPatience = {10, 0};
// Messages of one answer; a kernel that never ends is not waited for.
constexpr int kMessageLimit = 1'000'000;
// Of an answer about one object.
constexpr std::size_t kPlainAnswerBytes = 4096;
constexpr std::size_t kAnswersACall = kReceiveBytes / kPlainAnswerBytes;

nlmsghdr* head(std::vector<std::uint64_t>& buffer) {
  return reinterpret_cast<nlmsghdr*>(buffer.data());
}

// What the kernel adds in words to a refusal, and the refusal itself.
struct Verdict {
  int errno_value = 0;
  std::string words;
};

Verdict verdict_of(const nlmsghdr& header, std::string_view payload) {
  if (payload.size() < sizeof(int)) return {EBADMSG, {}};
  int error = 0;
  std::memcpy(&error, payload.data(), sizeof error);
  Verdict verdict{-error, {}};
  if ((header.nlmsg_flags & NLM_F_ACK_TLVS) == 0) return verdict;
  // Behind the number is our own header, with the whole request unless the answer is capped.
  std::size_t offset = sizeof(nlmsgerr);
  if ((header.nlmsg_flags & NLM_F_CAPPED) == 0 && payload.size() >= sizeof(nlmsgerr)) {
    nlmsgerr answer{};
    std::memcpy(&answer, payload.data(), sizeof answer);
    if (answer.msg.nlmsg_len >= sizeof(nlmsghdr))
      offset += NLMSG_ALIGN(answer.msg.nlmsg_len - sizeof(nlmsghdr));
  }
  if (offset >= payload.size()) return verdict;
  for (const NetlinkAttribute& attribute : netlink_attributes(payload.substr(offset)))
    if (attribute.type == NLMSGERR_ATTR_MSG) verdict.words = attribute.text();
  return verdict;
}

Failure refused(const Verdict& verdict, const std::string& doing) {
  return system_failure(verdict.errno_value, doing,
                        verdict.words.empty() ? "" : "the kernel says: " + printable(verdict.words));
}

}  // namespace

void NetlinkBatch::add(const void* header, std::size_t size) {
  CHECK(places_.size() < kMost && size <= kPlainAnswerBytes / 2);
  const std::size_t place = words_.size();
  const std::size_t bytes = NLMSG_SPACE(size);
  words_.resize(place + (bytes + sizeof(std::uint64_t) - 1) / sizeof(std::uint64_t));
  auto* message = reinterpret_cast<nlmsghdr*>(words_.data() + place);
  // The next begins where this one says that it ends: whole words.
  message->nlmsg_len = static_cast<std::uint32_t>((words_.size() - place) * sizeof(std::uint64_t));
  message->nlmsg_type = type_;
  message->nlmsg_flags = NLM_F_REQUEST;
  std::memcpy(NLMSG_DATA(message), header, size);
  places_.push_back(place);
}

NetlinkMessage::NetlinkMessage(std::uint16_t type, Kind kind) : buffer_(kLimitBytes / sizeof(std::uint64_t)) {
  nlmsghdr* header = mnl_nlmsg_put_header(buffer_.data());
  header->nlmsg_type = type;
  header->nlmsg_flags = NLM_F_REQUEST;
  if (kind == Kind::dump) header->nlmsg_flags |= NLM_F_DUMP;
  if (kind == Kind::change || kind == Kind::create) header->nlmsg_flags |= NLM_F_ACK;
  if (kind == Kind::create) header->nlmsg_flags |= NLM_F_CREATE | NLM_F_EXCL;
}

void NetlinkMessage::put_header(const void* bytes, std::size_t size) {
  CHECK(size <= kLimitBytes / 2);
  std::memcpy(mnl_nlmsg_put_extra_header(head(buffer_), size), bytes, size);
}

void NetlinkMessage::put_u8(std::uint16_t attribute, std::uint8_t value) {
  CHECK(mnl_attr_put_u8_check(head(buffer_), kLimitBytes, attribute, value));
}

void NetlinkMessage::put_u32(std::uint16_t attribute, std::uint32_t value) {
  CHECK(mnl_attr_put_u32_check(head(buffer_), kLimitBytes, attribute, value));
}

void NetlinkMessage::put_flag(std::uint16_t attribute) {
  CHECK(mnl_attr_put_check(head(buffer_), kLimitBytes, attribute, 0, nullptr));
}

void NetlinkMessage::put_text(std::uint16_t attribute, const std::string& value) {
  CHECK(mnl_attr_put_strz_check(head(buffer_), kLimitBytes, attribute, value.c_str()));
}

void NetlinkMessage::put_bytes(std::uint16_t attribute, std::string_view value) {
  CHECK(mnl_attr_put_check(head(buffer_), kLimitBytes, attribute, value.size(), value.data()));
}

std::size_t NetlinkMessage::begin_nest(std::uint16_t attribute) {
  nlattr* nest = mnl_attr_nest_start_check(head(buffer_), kLimitBytes, attribute);
  CHECK(nest != nullptr);
  return static_cast<std::size_t>(reinterpret_cast<char*>(nest) - reinterpret_cast<char*>(buffer_.data()));
}

void NetlinkMessage::end_nest(std::size_t nest) {
  mnl_attr_nest_end(head(buffer_), reinterpret_cast<nlattr*>(reinterpret_cast<char*>(buffer_.data()) + nest));
}

void NetlinkSocket::Closer::operator()(void* socket) const {
  mnl_socket_close(static_cast<mnl_socket*>(socket));
}

Result<NetlinkSocket> NetlinkSocket::open(int protocol) {
  mnl_socket* opened = mnl_socket_open2(protocol, SOCK_CLOEXEC);
  if (opened == nullptr) return system_failure(errno, "open a netlink socket");
  NetlinkSocket socket(opened);
  if (mnl_socket_bind(opened, 0, MNL_SOCKET_AUTOPID) < 0)
    return system_failure(errno, "bind a netlink socket");
  // Kernels that lack one of these answer all the same, with fewer words and less care.
  int on = 1;
  mnl_socket_setsockopt(opened, NETLINK_EXT_ACK, &on, sizeof on);
  mnl_socket_setsockopt(opened, NETLINK_CAP_ACK, &on, sizeof on);
  mnl_socket_setsockopt(opened, NETLINK_GET_STRICT_CHK, &on, sizeof on);
  ::setsockopt(mnl_socket_get_fd(opened), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
  socket.buffer_.resize(kReceiveBytes / sizeof(std::uint64_t));
  return socket;
}

Result<void> NetlinkSocket::ask(NetlinkMessage& message, const std::string& doing,
                                const std::function<void(std::string_view)>& each) {
  auto* socket = static_cast<mnl_socket*>(socket_.get());
  nlmsghdr* request = head(message.buffer_);
  request->nlmsg_seq = ++sequence_;
  const bool dump = (request->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
  if (mnl_socket_sendto(socket, request, request->nlmsg_len) < 0) return system_failure(errno, doing);
  for (int messages = 0; messages < kMessageLimit;) {
    const ssize_t got = mnl_socket_recvfrom(socket, buffer_.data(), kReceiveBytes);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_failure(errno == EAGAIN ? ETIMEDOUT : errno, doing);
    if (got == 0) return system_failure(EPIPE, doing);
    int left = static_cast<int>(got);
    for (const nlmsghdr* header = head(buffer_); mnl_nlmsg_ok(header, left);
         header = mnl_nlmsg_next(header, &left)) {
      ++messages;
      if (header->nlmsg_seq != sequence_) continue;  // of a request that was given up
      const std::string_view payload(static_cast<const char*>(mnl_nlmsg_get_payload(header)),
                                     mnl_nlmsg_get_payload_len(header));
      if (header->nlmsg_type == NLMSG_ERROR || header->nlmsg_type == NLMSG_DONE) {
        const Verdict verdict = payload.size() < sizeof(int) && header->nlmsg_type == NLMSG_DONE
                                    ? Verdict{}
                                    : verdict_of(*header, payload);
        if (verdict.errno_value != 0) return refused(verdict, doing);
        return {};
      }
      if (header->nlmsg_type < NLMSG_MIN_TYPE) continue;
      each(payload);
      if (!dump && (request->nlmsg_flags & NLM_F_ACK) == 0) return {};
    }
  }
  return system_failure(EOVERFLOW, doing);
}

Result<void> NetlinkSocket::ask_together(
    NetlinkBatch& batch, const std::string& doing,
    const std::function<void(std::size_t, std::string_view, int)>& each) {
  if (batch.size() == 0) return {};
  const int fd = mnl_socket_get_fd(static_cast<mnl_socket*>(socket_.get()));
  const std::uint32_t first = sequence_ + 1;
  for (const std::size_t place : batch.places_)
    reinterpret_cast<nlmsghdr*>(batch.words_.data() + place)->nlmsg_seq = ++sequence_;
  if (::send(fd, batch.words_.data(), batch.words_.size() * sizeof(std::uint64_t), 0) < 0)
    return system_failure(errno, doing);
  std::array<mmsghdr, kAnswersACall> messages{};
  std::array<iovec, kAnswersACall> pieces{};
  for (std::size_t i = 0; i < kAnswersACall; ++i) {
    pieces[i] = {reinterpret_cast<char*>(buffer_.data()) + i * kPlainAnswerBytes, kPlainAnswerBytes};
    messages[i].msg_hdr.msg_iov = &pieces[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  for (std::size_t answered = 0; answered < batch.size();) {
    const int got = ::recvmmsg(fd, messages.data(), kAnswersACall, MSG_WAITFORONE, nullptr);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_failure(errno == EAGAIN ? ETIMEDOUT : errno, doing);
    for (std::size_t i = 0; i < static_cast<std::size_t>(got); ++i) {
      int left = static_cast<int>(messages[i].msg_len);
      for (const auto* header = static_cast<const nlmsghdr*>(pieces[i].iov_base); mnl_nlmsg_ok(header, left);
           header = mnl_nlmsg_next(header, &left)) {
        const std::size_t place = header->nlmsg_seq - first;
        if (place >= batch.size()) continue;  // of a request that was given up
        const std::string_view payload(static_cast<const char*>(mnl_nlmsg_get_payload(header)),
                                       mnl_nlmsg_get_payload_len(header));
        if (header->nlmsg_type != NLMSG_ERROR && header->nlmsg_type < NLMSG_MIN_TYPE) continue;
        ++answered;
        const bool refuses = header->nlmsg_type == NLMSG_ERROR;
        each(place, refuses ? std::string_view() : payload,
             refuses ? verdict_of(*header, payload).errno_value : 0);
      }
    }
  }
  return {};
}

}  // namespace isotach::kernel
