// A connection as `tcptrace -n -l -r -W` of version 6.6.7 prints it. The connection must have been
// accounted by Rules::tcptrace.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "network/connections/connection.h"

namespace isotach::network {

class TcptraceWriter {
 public:
  // `index` counts from 0. Times of day are in the local zone. Valid until the next call.
  [[nodiscard]] std::string_view text(const Connection& connection, std::size_t index,
                                      const std::string& file_name);

 private:
  // "Mon Nov 30 14:07:15.123456 2026"; valid until the next call.
  std::string_view moment(std::int64_t time_ns);

  std::string text_;
  std::string moment_;
  std::int64_t moment_second_ = 0;
};

// "0:01:02.345678", cut off as tcptrace does (docs/tcptrace.md, fault 8).
[[nodiscard]] std::string tcptrace_elapsed(std::int64_t elapsed_ns);

}  // namespace isotach::network
