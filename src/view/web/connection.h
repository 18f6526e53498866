// One connection of a client: reads the head of a request and writes the answer, each within its
// deadline. Knows the shape of a head but nothing of what it means.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/fd.h"

namespace isotach::view {

inline constexpr std::size_t kHeadLimitBytes = 16 * 1024;
inline constexpr std::size_t kHeadLineLimitBytes = 8 * 1024 - 2;  // httplib's own limit, less the line end
inline constexpr int kHeaderLimit = 64;

class Connection {
 public:
  explicit Connection(Fd socket);

  enum class HeadStatus {
    complete,
    closed,     // the client left or stayed idle, or the server stops: nothing to answer
    too_slow,   // 408
    too_large,  // 431
    malformed,  // 400
  };
  // Reads up to the blank line that ends a head. The client has `idle_ms` to begin, unless
  // `give_up_idling` turns true before, and `head_ms` from its first byte to the blank line.
  // The head is cleaned of what the HTTP library must not see (Range: it matches that header by a
  // recursive regular expression).
  HeadStatus read_head(std::string& head, int idle_ms, int head_ms,
                       const std::function<bool()>& give_up_idling);

  // The next bytes of the body that follows a head, at most `size`: how many, waiting at most `wait_ms` for
  // them. 0: the client left; -1: nothing came in that time.
  std::ptrdiff_t read_body(char* target, std::size_t size, std::int64_t wait_ms);

  // Sends all of `text`; false when the client has gone, when nothing moved for `stall_ms`, or when it
  // took longer than `total_ms` (0: any time).
  bool write(std::string_view text, int stall_ms, int total_ms = 0);

  // Whether the client closed its side or the connection failed.
  [[nodiscard]] bool peer_gone() const;

  // Ends the connection so that the client still gets what was written: says goodbye, then throws
  // away a little of what it is still sending.
  void close_gently();

  // Bytes that came behind the last head: a body, or the next request of a pipelining client.
  [[nodiscard]] bool has_more() const { return !received_.empty(); }
  [[nodiscard]] int fd() const { return socket_.get(); }

 private:
  Fd socket_;
  std::string received_;  // not yet handed out
};

// The head without Range headers; nothing when it is not one (control characters, folded or nameless
// headers, too many of them). `too_large` tells the last reason from the others.
enum class HeadShape { fine, malformed, too_large };
[[nodiscard]] HeadShape clean_head(std::string_view head, std::string& cleaned);

}  // namespace isotach::view
