// A path between two network namespaces that delays, limits, drops, overtakes and doubles packets, without
// netem: two tap interfaces, whose frames this program carries from one to the other.
//
//     path_emulator NAME_A NAME_B [KEY=VALUE...]
//
//     delay_us        one way, in both directions
//     rate_bps        of the way from A to B; 0: no limit. With it:
//     queue_bytes     what may wait for it; what finds it full is dropped
//     loss_ppm        of the frames from A to B, in a million
//     reorder_ppm     frames from A to B that arrive reorder_us later than they should
//     reorder_us
//     duplicate_ppm   frames from A to B that arrive twice
//     seed            of chance
//     capture_a=FILE  pcap files of what passes at either end, with nanoseconds; of each frame
//     capture_b=FILE  snap bytes
//     snap            128
//
// Only frames with TCP data meet chance, so that every loss has to be made good by a retransmission. Prints
// "ready" when both interfaces are there; they stay until standard input ends. Then it prints what it did
// as JSON.
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <map>
#include <queue>
#include <random>
#include <string>
#include <vector>

namespace {

constexpr std::int64_t kSecondNs = 1'000'000'000;

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "path_emulator: %s: %s\n", what.c_str(), std::strerror(errno));
  std::exit(1);
}

std::int64_t now_ns(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return time.tv_sec * kSecondNs + time.tv_nsec;
}

std::map<std::string, std::string> settings;

std::int64_t setting(const char* name, std::int64_t otherwise) {
  const auto found = settings.find(name);
  return found == settings.end() ? otherwise : std::strtoll(found->second.c_str(), nullptr, 10);
}

struct Frame {
  std::int64_t due_ns = 0;
  std::uint64_t order = 0;
  std::vector<std::uint8_t> bytes;
};
struct Later {
  bool operator()(const Frame& a, const Frame& b) const {
    return a.due_ns != b.due_ns ? a.due_ns > b.due_ns : a.order > b.order;
  }
};

class Capture {
 public:
  explicit Capture(const char* name) : snap_(static_cast<std::uint32_t>(setting("snap", 128))) {
    const auto found = settings.find(name);
    if (found == settings.end()) return;
    file_ = std::fopen(found->second.c_str(), "wb");
    if (file_ == nullptr) fail(found->second);
    const std::array<std::uint32_t, 6> head = {0xa1b23c4d, 4u << 16 | 2u, 0, 0, 65535, 1};
    std::fwrite(head.data(), sizeof head, 1, file_);
  }
  void add(const std::vector<std::uint8_t>& bytes) {
    if (file_ == nullptr) return;
    const std::int64_t time = now_ns(CLOCK_REALTIME);
    const auto size = static_cast<std::uint32_t>(bytes.size());
    const std::uint32_t captured = size < snap_ ? size : snap_;
    const std::array<std::uint32_t, 4> head = {static_cast<std::uint32_t>(time / kSecondNs),
                                               static_cast<std::uint32_t>(time % kSecondNs), captured, size};
    std::fwrite(head.data(), sizeof head, 1, file_);
    std::fwrite(bytes.data(), captured, 1, file_);
  }
  void finish() {
    if (file_ != nullptr && std::fclose(file_) != 0) fail("capture");
  }

 private:
  std::FILE* file_ = nullptr;
  std::uint32_t snap_;
};

int open_tap(const char* name) {
  const int fd = ::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  ifreq request{};
  std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  request.ifr_flags = IFF_TAP | IFF_NO_PI;
  if (fd < 0 || ::ioctl(fd, TUNSETIFF, &request) != 0) fail(name);
  return fd;
}

bool has_tcp_data(const std::vector<std::uint8_t>& frame) {
  if (frame.size() < 14) return false;
  const bool v6 = frame[12] == 0x86 && frame[13] == 0xdd;
  if (!v6 && !(frame[12] == 8 && frame[13] == 0)) return false;
  const std::size_t head = v6 ? 40 : (frame.size() > 14 ? static_cast<std::size_t>(frame[14] & 15) * 4 : 0);
  const std::size_t tcp = 14 + head;
  if (frame.size() < tcp + 20) return false;
  if (frame[v6 ? 20 : 23] != 6) return false;
  const std::size_t length = v6 ? static_cast<std::size_t>(frame[18] << 8 | frame[19])
                                : static_cast<std::size_t>(frame[16] << 8 | frame[17]) - head;
  return length > static_cast<std::size_t>(frame[tcp + 12] >> 4) * 4;
}

struct Counts {
  std::uint64_t frames = 0, lost = 0, queue_full = 0, reordered = 0, duplicated = 0, late_us_most = 0;
};

class Way {
 public:
  Way(int from, int to, Capture& from_capture, Capture& to_capture, bool has_chance)
      : from_(from),
        to_(to),
        from_capture_(from_capture),
        to_capture_(to_capture),
        has_chance_(has_chance),
        chance_(static_cast<std::uint64_t>(setting("seed", 1))) {}

  void read_some() {
    constexpr int kAtOnce = 64;
    std::array<std::uint8_t, 65536> buffer;
    for (int i = 0; i < kAtOnce; ++i) {
      const ssize_t size = ::read(from_, buffer.data(), buffer.size());
      if (size <= 0) return;
      std::vector<std::uint8_t> frame(buffer.begin(), buffer.begin() + size);
      from_capture_.add(frame);
      enter(std::move(frame));
    }
  }
  [[nodiscard]] std::int64_t next_due_ns() const { return waiting_.empty() ? -1 : waiting_.top().due_ns; }
  void deliver(std::int64_t now) {
    while (!waiting_.empty() && waiting_.top().due_ns <= now) {
      const std::vector<std::uint8_t>& bytes = waiting_.top().bytes;
      to_capture_.add(bytes);
      static_cast<void>(!::write(to_, bytes.data(), bytes.size()));
      const auto late_us = static_cast<std::uint64_t>((now - waiting_.top().due_ns) / 1000);
      if (late_us > counts.late_us_most) counts.late_us_most = late_us;
      waiting_.pop();
    }
  }
  Counts counts;

 private:
  bool happens(const char* name) {
    return has_chance_ && static_cast<std::int64_t>(chance_() % 1'000'000) < setting(name, 0);
  }

  void enter(std::vector<std::uint8_t> frame) {
    ++counts.frames;
    const std::int64_t now = now_ns(CLOCK_MONOTONIC);
    std::int64_t leaves = now;
    const std::int64_t rate = has_chance_ ? setting("rate_bps", 0) : 0;
    if (rate > 0) {
      const std::int64_t begins = busy_until_ns_ > now ? busy_until_ns_ : now;
      if ((begins - now) * rate / 8 / kSecondNs > setting("queue_bytes", 100'000)) {
        ++counts.queue_full;
        return;
      }
      leaves = begins + static_cast<std::int64_t>(frame.size()) * 8 * kSecondNs / rate;
      busy_until_ns_ = leaves;
    }
    std::int64_t due = leaves + setting("delay_us", 0) * 1000;
    if (has_chance_ && has_tcp_data(frame)) {
      if (happens("loss_ppm")) {
        ++counts.lost;
        return;
      }
      if (happens("duplicate_ppm")) {
        ++counts.duplicated;
        waiting_.push({due, order_++, frame});
      }
      if (happens("reorder_ppm")) {
        ++counts.reordered;
        due += setting("reorder_us", 0) * 1000;
      }
    }
    waiting_.push({due, order_++, std::move(frame)});
  }

  int from_, to_;
  Capture& from_capture_;
  Capture& to_capture_;
  bool has_chance_;
  std::mt19937_64 chance_;
  std::priority_queue<Frame, std::vector<Frame>, Later> waiting_;
  std::uint64_t order_ = 0;
  std::int64_t busy_until_ns_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: path_emulator NAME_A NAME_B [KEY=VALUE...]\n");
    return 2;
  }
  for (int i = 3; i < argc; ++i) {
    const std::string word = argv[i];
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos) return 2;
    settings[word.substr(0, equals)] = word.substr(equals + 1);
  }
  const int a = open_tap(argv[1]);
  const int b = open_tap(argv[2]);
  Capture capture_a("capture_a");
  Capture capture_b("capture_b");
  Way forth(a, b, capture_a, capture_b, true);
  Way back(b, a, capture_b, capture_a, false);
  std::printf("ready\n");
  std::fflush(stdout);
  for (;;) {
    std::array<pollfd, 3> watched = {{{a, POLLIN, 0}, {b, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}}};
    std::int64_t due = -1;
    for (const Way* way : {&forth, &back})
      if (way->next_due_ns() >= 0 && (due < 0 || way->next_due_ns() < due)) due = way->next_due_ns();
    timespec wait{};
    if (due >= 0) {
      const std::int64_t rest = std::max<std::int64_t>(0, due - now_ns(CLOCK_MONOTONIC));
      wait.tv_sec = rest / kSecondNs;
      wait.tv_nsec = rest % kSecondNs;
    }
    if (::ppoll(watched.data(), watched.size(), due >= 0 ? &wait : nullptr, nullptr) < 0 && errno != EINTR)
      fail("ppoll");
    if ((watched[2].revents & (POLLIN | POLLHUP)) != 0) {
      std::array<char, 256> ignored;
      if (::read(STDIN_FILENO, ignored.data(), ignored.size()) <= 0) break;
    }
    if ((watched[0].revents & POLLIN) != 0) forth.read_some();
    if ((watched[1].revents & POLLIN) != 0) back.read_some();
    const std::int64_t now = now_ns(CLOCK_MONOTONIC);
    forth.deliver(now);
    back.deliver(now);
  }
  capture_a.finish();
  capture_b.finish();
  const Counts& counts = forth.counts;
  std::printf(
      "{\"frames\":%llu,\"lost\":%llu,\"queue_full\":%llu,\"reordered\":%llu,\"duplicated\":%llu,"
      "\"late_us_most\":%llu}\n",
      static_cast<unsigned long long>(counts.frames), static_cast<unsigned long long>(counts.lost),
      static_cast<unsigned long long>(counts.queue_full), static_cast<unsigned long long>(counts.reordered),
      static_cast<unsigned long long>(counts.duplicated),
      static_cast<unsigned long long>(counts.late_us_most));
  return 0;
}
