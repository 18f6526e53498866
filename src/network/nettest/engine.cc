#include "network/nettest/engine.h"

#include <fcntl.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <mutex>
#include <utility>

#include "base/fd.h"
#include "kernel/uring.h"

namespace isotach::nettest {
namespace {

constexpr std::array<std::pair<SendEngine, std::string_view>, 7> kNames = {
    {{SendEngine::automatic, "auto"},
     {SendEngine::send, "send"},
     {SendEngine::sendfile, "sendfile"},
     {SendEngine::zerocopy, "zerocopy"},
     {SendEngine::splice, "splice"},
     {SendEngine::uring, "uring"},
     {SendEngine::gso, "gso"}}};

constexpr unsigned kUringBuffers = 8;

class PlainEngine final : public Engine {
 public:
  PlainEngine(int fd, const Payload& payload) : fd_(fd), payload_(payload) {}

  ssize_t send(std::size_t offset, std::size_t size, bool may_wait) override {
    return ::send(fd_, payload_.at(offset), size, MSG_NOSIGNAL | (may_wait ? 0 : MSG_DONTWAIT));
  }
  [[nodiscard]] SendEngine kind() const override { return SendEngine::send; }
  [[nodiscard]] double copied() const override { return 1; }

 private:
  int fd_;
  const Payload& payload_;
};

// From a file of memory that holds the payload.
class FileEngine final : public Engine {
 public:
  FileEngine(int fd, Fd file) : fd_(fd), file_(std::move(file)) {}

  // Whether it waits is the socket's matter: it blocks where the socket does.
  ssize_t send(std::size_t offset, std::size_t size, bool /*may_wait*/) override {
    auto from = static_cast<off_t>(offset);
    return ::sendfile(fd_, file_.get(), &from, size);
  }
  [[nodiscard]] SendEngine kind() const override { return SendEngine::sendfile; }
  [[nodiscard]] double copied() const override { return 0; }

 private:
  int fd_;
  Fd file_;
};

// The pages stay in the socket until the peer has acknowledged them, and nobody ever writes to them.
class SpliceEngine final : public Engine {
 public:
  SpliceEngine(int fd, const Payload& payload, Fd in, Fd out)
      : fd_(fd), payload_(payload), in_(std::move(in)), out_(std::move(out)) {}

  ssize_t send(std::size_t offset, std::size_t size, bool may_wait) override {
    // What the socket did not take stays in the pipe, for the next call.
    if (lent_ == 0) {
      iovec piece = {payload_.at(offset), size};
      const ssize_t lent = ::vmsplice(in_.get(), &piece, 1, SPLICE_F_NONBLOCK);
      if (lent < 0) return -1;
      lent_ = static_cast<std::size_t>(lent);
    }
    const ssize_t sent =
        ::splice(out_.get(), nullptr, fd_, nullptr, std::min(lent_, size), may_wait ? 0 : SPLICE_F_NONBLOCK);
    if (sent > 0) lent_ -= static_cast<std::size_t>(sent);
    return sent;
  }
  [[nodiscard]] SendEngine kind() const override { return SendEngine::splice; }
  [[nodiscard]] double copied() const override { return 0; }

 private:
  int fd_;
  const Payload& payload_;
  Fd in_;
  Fd out_;
  std::size_t lent_ = 0;
};

class ZerocopyEngine final : public Engine {
 public:
  ZerocopyEngine(int fd, const Payload& payload) : fd_(fd), payload_(payload) {}

  ssize_t send(std::size_t offset, std::size_t size, bool may_wait) override {
    if (++since_reaped_ >= kReapEvery) reap();
    for (;;) {
      const ssize_t sent =
          ::send(fd_, payload_.at(offset), size, MSG_ZEROCOPY | MSG_NOSIGNAL | (may_wait ? 0 : MSG_DONTWAIT));
      // What the kernel may keep of pages of ours (net.core.optmem_max) is used up until it tells of some.
      if (sent >= 0 || errno != ENOBUFS) return sent;
      if (!reap()) {
        errno = EAGAIN;
        return -1;
      }
    }
  }
  [[nodiscard]] SendEngine kind() const override { return SendEngine::zerocopy; }
  [[nodiscard]] double copied() const override {
    return told_ == 0 ? 0 : static_cast<double>(copied_) / static_cast<double>(told_);
  }

 private:
  static constexpr int kReapEvery = 16;

  // Reads what became of the calls before. False where nothing was told.
  bool reap() {
    since_reaped_ = 0;
    bool any = false;
    for (;;) {
      alignas(cmsghdr) std::array<char, 256> control{};
      msghdr message{};
      message.msg_control = control.data();
      message.msg_controllen = control.size();
      if (::recvmsg(fd_, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) return any;
      any = true;
      for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
        const bool extended = (part->cmsg_level == SOL_IP && part->cmsg_type == IP_RECVERR) ||
                              (part->cmsg_level == SOL_IPV6 && part->cmsg_type == IPV6_RECVERR);
        if (!extended || part->cmsg_len < CMSG_LEN(sizeof(sock_extended_err))) continue;
        const auto* told = reinterpret_cast<const sock_extended_err*>(CMSG_DATA(part));
        if (told->ee_origin != SO_EE_ORIGIN_ZEROCOPY) continue;
        const std::uint64_t calls = told->ee_data - told->ee_info + 1;
        told_ += calls;
        if ((told->ee_code & SO_EE_CODE_ZEROCOPY_COPIED) != 0) copied_ += calls;
      }
    }
  }

  int fd_;
  const Payload& payload_;
  int since_reaped_ = 0;
  std::uint64_t told_ = 0;
  std::uint64_t copied_ = 0;
};

// Writes of a buffer each, one after the other, handed over in one call.
class UringEngine final : public Engine {
 public:
  UringEngine(int fd, const Payload& payload, std::size_t length, kernel::Uring ring)
      : fd_(fd), payload_(payload), length_(length), ring_(std::move(ring)) {}

  ssize_t send(std::size_t offset, std::size_t size, bool may_wait) override {
    unsigned queued = 0;
    for (std::size_t at = 0; at < size && queued < kUringBuffers; at += length_, ++queued) {
      io_uring_sqe* call = ring_.next();
      call->opcode = IORING_OP_SEND;
      call->fd = fd_;
      call->addr = reinterpret_cast<std::uintptr_t>(payload_.at(offset + at));
      call->len = static_cast<unsigned>(std::min(length_, size - at));
      call->msg_flags = static_cast<unsigned>(MSG_NOSIGNAL | (may_wait ? 0 : MSG_DONTWAIT));
      call->flags = at + length_ < size && queued + 1 < kUringBuffers ? IOSQE_IO_LINK : 0;
    }
    return gather(queued);
  }
  [[nodiscard]] SendEngine kind() const override { return SendEngine::uring; }
  [[nodiscard]] double copied() const override { return 1; }

 private:
  static constexpr std::int64_t kWaitNs = 20'000'000;
  static constexpr std::uint64_t kCancel = 1;

  // Nothing is left in flight: what was sent has to be known when the test ends.
  ssize_t gather(unsigned pending) {
    std::size_t sent = 0;
    int error = 0;
    bool cancelled = false;
    while (pending > 0) {
      if (const int problem = ring_.enter(pending, kWaitNs); problem != 0 && problem != EINTR) {
        errno = problem;
        return -1;
      }
      ring_.take([&](std::uint64_t user_data, int result, unsigned /*flags*/) {
        --pending;
        if (user_data == kCancel) return;
        if (result > 0) sent += static_cast<std::size_t>(result);
        // A write that ends early takes those after it along.
        if (result < 0 && error == 0 && result != -ECANCELED) error = -result;
      });
      if (pending == 0 || cancelled) continue;
      cancelled = true;
      io_uring_sqe* call = ring_.next();
      if (call == nullptr) continue;
      call->opcode = IORING_OP_ASYNC_CANCEL;
      call->cancel_flags = IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL;
      call->user_data = kCancel;
      ++pending;
    }
    if (sent > 0) return static_cast<ssize_t>(sent);
    errno = error == 0 || error == EINTR ? EAGAIN : error;
    return -1;
  }

  int fd_;
  const Payload& payload_;
  std::size_t length_;
  kernel::Uring ring_;
};

std::unique_ptr<Engine> make_uring(int fd, const Payload& payload, std::size_t length) {
  auto ring = kernel::Uring::create(2 * kUringBuffers);
  if (!ring) {
    errno = ring.error().errno_value;
    return nullptr;
  }
  return std::make_unique<UringEngine>(fd, payload, length, std::move(*ring));
}

std::unique_ptr<Engine> make_sendfile(int fd, const Payload& payload) {
  Fd file(::memfd_create("isotach-payload", MFD_CLOEXEC));
  if (!file.is_open()) return nullptr;
  for (std::size_t written = 0; written < payload.size();) {
    const ssize_t more = ::write(file.get(), payload.at(written), payload.size() - written);
    if (more <= 0) return nullptr;
    written += static_cast<std::size_t>(more);
  }
  return std::make_unique<FileEngine>(fd, std::move(file));
}

std::unique_ptr<Engine> make_splice(int fd, const Payload& payload) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return nullptr;
  Fd out(ends[0]);
  Fd in(ends[1]);
  // Without room for a whole buffer it needs more calls, and still copies nothing.
  constexpr int kPipeBytes = 512 * 1024;
  static_cast<void>(::fcntl(in.get(), F_SETPIPE_SZ, kPipeBytes));
  return std::make_unique<SpliceEngine>(fd, payload, std::move(in), std::move(out));
}

}  // namespace

std::string_view name_of(SendEngine engine) {
  for (const auto& [known, name] : kNames)
    if (known == engine) return name;
  return "?";
}

std::optional<SendEngine> engine_named(std::string_view name) {
  for (const auto& [engine, known] : kNames)
    if (known == name) return engine;
  return std::nullopt;
}

const Payload* Payload::with(std::size_t bytes) {
  static std::mutex mutex;
  static Payload payload;
  const std::lock_guard lock(mutex);
  if (payload.memory_ == nullptr) {
    // Pages of its own: those of a file cost a third more to lend. They are there once they are filled.
    void* memory =
        ::mmap(nullptr, kLargest, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return nullptr;
    payload.memory_ = static_cast<char*>(memory);
  }
  // Whoever compresses on the way would measure itself with zeros.
  std::uint32_t state = 0x9e3779b9 + static_cast<std::uint32_t>(payload.filled_);
  for (; payload.filled_ < std::min(bytes, kLargest); ++payload.filled_) {
    state = state * 1664525 + 1013904223;
    payload.memory_[payload.filled_] = static_cast<char>(state >> 24);
  }
  return &payload;
}

std::size_t buffers_a_call(SendEngine engine) {
  return engine == SendEngine::uring ? kUringBuffers : 1;
}

std::unique_ptr<Engine> make_engine(SendEngine kind, int fd, std::size_t length) {
  const Payload* payload = Payload::with(0);
  if (payload == nullptr) return nullptr;
  switch (kind) {
    case SendEngine::sendfile:
      return make_sendfile(fd, *payload);
    case SendEngine::splice:
      return make_splice(fd, *payload);
    case SendEngine::zerocopy: {
      const int one = 1;
      if (::setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof one) != 0) return nullptr;
      return std::make_unique<ZerocopyEngine>(fd, *payload);
    }
    case SendEngine::automatic:
    case SendEngine::send:
    case SendEngine::gso:
      return std::make_unique<PlainEngine>(fd, *payload);
    case SendEngine::uring:
      return make_uring(fd, *payload, length);
  }
  return nullptr;
}

}  // namespace isotach::nettest
