// Where traffic is counted. open() takes the best method that this kernel and our rights allow: BPF programs
// at the interfaces, else an AF_PACKET ring, else the kernel's counters; each snapshot says which it was,
// why, and what to type for a better one.
//
// Thread rule: one thread at a time for each object.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "network/traffic/snapshot.h"

namespace isotach::network {

struct TrafficOptions {
  std::vector<std::string> interfaces;  // none: all, and those that come later
  std::string filter;                   // pcap's language; empty: everything
  std::optional<TrafficMethod> method;  // only this one, or an error
  std::uint32_t flow_limit = 65'536;    // rows of the tables: what has no row is in the rest
  std::uint32_t host_limit = 65'536;
  std::uint32_t station_limit = 4'096;
  std::uint32_t service_limit = 16'384;
  std::int64_t flow_idle_ns = 60 * kNanosecondsPerSecond;  // a flow without packets is removed after
  bool processes = true;                                   // find out whose traffic it is
  std::uint32_t ring_mebibytes = 64;                       // of the ring in all
  bool tracepoints = false;                                // BPF as on a kernel without tcx hooks: for tests
};

class TrafficSource {
 public:
  [[nodiscard]] static Result<std::unique_ptr<TrafficSource>> open(const TrafficOptions& options,
                                                                   Clock& clock);
  virtual ~TrafficSource() = default;
  // Everything since open(). `snapshot` is overwritten; giving the same one again spares its memory.
  [[nodiscard]] virtual Result<void> read(TrafficSnapshot& snapshot) = 0;
  // Readable when read() should be called before its time, so that nothing is lost; -1: never.
  [[nodiscard]] virtual int wake_descriptor() const { return -1; }
};

}  // namespace isotach::network
