// Where flow records go as IPFIX (RFC 7011): to a collector over UDP, or into a file (RFC 5655), which holds
// the same messages one after the other.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace isotach::command {

// "collector:4739", "[2001:db8::1]:4739". Usage errors where it is none.
struct HostAndPort {
  std::string host, port;
};
[[nodiscard]] Result<HostAndPort> parse_host_and_port(const std::string& text);

// A UDP socket to "HOST:PORT". Looks the name up, which may take its time.
[[nodiscard]] Result<Fd> connect_to_collector(const std::string& collector);

// All flow records at once, as at the end of a capture. Not thread-safe.
class IpfixOutput {
 public:
  // A collector where `where` is HOST:PORT, else a new file; a name with a slash is always one.
  [[nodiscard]] static Result<IpfixOutput> open(const std::string& where);

  // `rest` is called now and then where it goes to a collector, which must be able to keep up.
  [[nodiscard]] Result<void> write(const std::vector<std::string>& messages,
                                   const std::function<void()>& rest);

 private:
  IpfixOutput(Fd fd, bool is_file, std::string where)
      : fd_(std::move(fd)), is_file_(is_file), where_(std::move(where)) {}

  Fd fd_;
  bool is_file_;
  std::string where_;
  std::size_t since_rest_ = 0;  // messages
};

}  // namespace isotach::command
