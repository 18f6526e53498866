#include "view/web/connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>

namespace isotach::view {
namespace {

// Clients' deadlines run on the real monotonic clock, as the kernel's waits do.
std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

constexpr int kIdleStepMs = 50;  // how often an idle connection looks whether it should give up its worker

enum class Ready { yes, timeout, failed };

Ready wait_for(int fd, short events, std::int64_t timeout_ms) {
  const std::int64_t deadline_ms = now_ms() + timeout_ms;
  for (;;) {
    pollfd target{fd, events, 0};
    const std::int64_t left_ms = std::max<std::int64_t>(0, deadline_ms - now_ms());
    const int count = ::poll(&target, 1, static_cast<int>(std::min<std::int64_t>(left_ms, 60'000)));
    if (count > 0) return (target.revents & POLLNVAL) != 0 ? Ready::failed : Ready::yes;
    if (count < 0 && errno != EINTR) return Ready::failed;
    if (count == 0 && now_ms() >= deadline_ms) return Ready::timeout;
  }
}

bool is_line_character(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte >= 0x20 && byte != 0x7f) || byte == '\t';
}

bool begins_with_name(std::string_view line, std::string_view lower_name) {
  return line.size() > lower_name.size() && line[lower_name.size()] == ':' &&
         std::equal(lower_name.begin(), lower_name.end(), line.begin(),
                    [](char wanted, char given) { return wanted == (given | 0x20); });
}

}  // namespace

HeadShape clean_head(std::string_view head, std::string& cleaned) {
  cleaned.clear();
  bool first = true;
  int headers = 0;
  while (!head.empty()) {
    const std::size_t end = head.find("\r\n");
    if (end == std::string_view::npos) return HeadShape::malformed;
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(end + 2);
    if (line.size() > kHeadLineLimitBytes) return HeadShape::too_large;
    if (!std::ranges::all_of(line, is_line_character)) return HeadShape::malformed;
    if (first) {
      if (line.empty()) return HeadShape::malformed;
    } else if (line.empty()) {
      break;
    } else {
      if (++headers > kHeaderLimit) return HeadShape::too_large;
      // A header needs a name; one that begins with a blank goes on with the line before (obsolete).
      const std::size_t colon = line.find(':');
      if (colon == 0 || colon == std::string_view::npos ||
          line.substr(0, colon).find_first_of(" \t") != line.npos)
        return HeadShape::malformed;
      if (begins_with_name(line, "range") || begins_with_name(line, "if-range")) continue;
    }
    first = false;
    cleaned += line;
    cleaned += "\r\n";
  }
  if (first) return HeadShape::malformed;
  cleaned += "\r\n";
  return HeadShape::fine;
}

Connection::Connection(Fd socket) : socket_(std::move(socket)) {
  const int on = 1;
  ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

Connection::HeadStatus Connection::read_head(std::string& head, int idle_ms, int head_ms,
                                             const std::function<bool()>& give_up_idling) {
  constexpr std::string_view kEnd = "\r\n\r\n";
  const std::int64_t idle_end_ms = now_ms() + idle_ms;
  while (received_.empty()) {
    const std::int64_t left_ms = idle_end_ms - now_ms();
    if (left_ms <= 0) return HeadStatus::closed;
    const Ready ready = wait_for(socket_.get(), POLLIN, std::min<std::int64_t>(left_ms, kIdleStepMs));
    if (ready == Ready::failed || (ready == Ready::timeout && give_up_idling())) return HeadStatus::closed;
    if (ready == Ready::yes) break;
  }

  const std::int64_t deadline_ms = now_ms() + head_ms;
  std::array<char, 4096> piece;
  std::size_t searched = 0;
  for (;;) {
    const std::size_t end = received_.find(kEnd, searched);
    if (end != std::string::npos && end + kEnd.size() <= kHeadLimitBytes) {
      const std::size_t size = end + kEnd.size();
      const HeadShape shape = clean_head(std::string_view(received_).substr(0, size), head);
      received_.erase(0, size);
      if (shape == HeadShape::too_large) return HeadStatus::too_large;
      return shape == HeadShape::fine ? HeadStatus::complete : HeadStatus::malformed;
    }
    if (received_.size() > kHeadLimitBytes) return HeadStatus::too_large;
    searched = received_.size() > kEnd.size() ? received_.size() - kEnd.size() : 0;
    const std::int64_t left_ms = deadline_ms - now_ms();
    const Ready ready = left_ms > 0 ? wait_for(socket_.get(), POLLIN, left_ms) : Ready::timeout;
    if (ready == Ready::timeout) return HeadStatus::too_slow;
    if (ready == Ready::failed) return HeadStatus::closed;
    const ssize_t count = ::recv(socket_.get(), piece.data(), piece.size(), MSG_DONTWAIT);
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (count <= 0) return HeadStatus::closed;
    received_.append(piece.data(), static_cast<std::size_t>(count));
  }
}

std::ptrdiff_t Connection::read_body(char* target, std::size_t size, std::int64_t wait_ms) {
  if (!received_.empty()) {
    const std::size_t count = received_.copy(target, size);
    received_.erase(0, count);
    return static_cast<std::ptrdiff_t>(count);
  }
  const std::int64_t deadline_ms = now_ms() + wait_ms;
  for (;;) {
    const std::int64_t left_ms = deadline_ms - now_ms();
    if (left_ms <= 0 || wait_for(socket_.get(), POLLIN, left_ms) == Ready::timeout) return -1;
    const ssize_t count = ::recv(socket_.get(), target, size, MSG_DONTWAIT);
    if (count >= 0) return count;
    if (errno != EINTR && errno != EAGAIN) return 0;
  }
}

bool Connection::write(std::string_view text, int stall_ms, int total_ms) {
  const std::int64_t deadline_ms = now_ms() + total_ms;
  while (!text.empty()) {
    const ssize_t count = ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count > 0) {
      text.remove_prefix(static_cast<std::size_t>(count));
      continue;
    }
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno != EAGAIN) return false;
    std::int64_t wait_ms = stall_ms;
    if (total_ms > 0) wait_ms = std::min<std::int64_t>(wait_ms, deadline_ms - now_ms());
    if (wait_ms <= 0 || wait_for(socket_.get(), POLLOUT, wait_ms) != Ready::yes) return false;
  }
  return true;
}

bool Connection::peer_gone() const {
  char byte = 0;
  const ssize_t count = ::recv(socket_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR);
}

void Connection::close_gently() {
  constexpr int kDrainMs = 200;
  constexpr std::size_t kDrainLimitBytes = 256 * 1024;
  if (::shutdown(socket_.get(), SHUT_WR) != 0) return;
  // A close with unread bytes resets the connection, and the client might never see the answer.
  const std::int64_t deadline_ms = now_ms() + kDrainMs;
  std::array<char, 4096> piece;
  for (std::size_t drained = 0; drained < kDrainLimitBytes;) {
    const std::int64_t left_ms = deadline_ms - now_ms();
    if (left_ms <= 0 || wait_for(socket_.get(), POLLIN, left_ms) != Ready::yes) return;
    const ssize_t count = ::recv(socket_.get(), piece.data(), piece.size(), MSG_DONTWAIT);
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (count <= 0) return;
    drained += static_cast<std::size_t>(count);
  }
}

}  // namespace isotach::view
