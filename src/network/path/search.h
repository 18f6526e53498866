// Which streams are sent to learn the capacity of a path and what others leave of it, and when: within bounds
// of time and bytes, each stream chosen by what those before it showed. What the streams say is estimate.h's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/result.h"
#include "network/path/estimate.h"

namespace isotach::path {

// What sends streams over a path, and how time passes there. One thread at a time.
class StreamSender {
 public:
  virtual ~StreamSender() = default;
  // `wire_bytes`: of each packet, with the IP header; `gap_ns` from one to the next, 0: back to back.
  [[nodiscard]] virtual Result<StreamRecord> stream(std::size_t wire_bytes, std::uint32_t count,
                                                    double gap_ns) = 0;
  // `trains` of them, each of `count` packets back to back, with `rest_ns` from the end of one to the next.
  [[nodiscard]] virtual Result<std::vector<StreamRecord>> trains(std::size_t wire_bytes, std::uint32_t count,
                                                                 std::uint32_t trains, double rest_ns) = 0;
  [[nodiscard]] virtual std::int64_t now_ns() const = 0;
  virtual void wait_until(std::int64_t at_ns) = 0;
  [[nodiscard]] virtual bool is_stopped() const = 0;
};

struct CapacitySearch {
  std::optional<Capacity> capacity;  // nothing where too little arrived
  double seconds = 0;
  std::uint64_t bytes = 0;
  std::vector<StreamRecord> trains;
};
// By trains of packets of `wire_bytes`, the largest that the path carries: within 5 s and 2 MB.
[[nodiscard]] Result<CapacitySearch> find_capacity(StreamSender& sender, std::size_t wire_bytes);

struct AvailableSearch {
  std::optional<Available> available;  // nothing where too few streams were usable
  double seconds = 0;
  std::size_t unusable = 0;  // streams that were not sent evenly, or were lost
  std::size_t usable = 0;
};
// By streams of packets of that size; what the trains showed counts too.
[[nodiscard]] Result<AvailableSearch> find_available(StreamSender& sender, std::size_t wire_bytes,
                                                     const CapacitySearch& capacity, std::int64_t limit_ns);

}  // namespace isotach::path
