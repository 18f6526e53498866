// A connection as `tcptrace -n -l -r -W` of version 6.6.7 prints it. The connection must have been
// accounted by Rules::tcptrace.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "network/connections/connection.h"

namespace isotach::network {

// `index` counts from 0. Times of day are in the local zone.
[[nodiscard]] std::string tcptrace_text(const Connection& connection, std::size_t index,
                                        const std::string& file_name);

// "0:01:02.345678", cut off as tcptrace does (docs/tcptrace.md, fault 8).
[[nodiscard]] std::string tcptrace_elapsed(std::int64_t elapsed_ns);

}  // namespace isotach::network
