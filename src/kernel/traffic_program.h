// The BPF programs that count traffic (bpf/traffic.bpf.c, bpf/traffic_trace.bpf.c): loading them, putting
// them on interfaces, and reading what they counted. They hang on links that the kernel removes with this
// process, however it ends.
//
// Needs CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN. Thread rule: one at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "kernel/traffic_layout.h"

namespace isotach::kernel {

// What one processor counted into one buffer.
struct TrafficArea {
  const traffic_slot* slots = nullptr;  // the first `control->used` of them
  traffic_control* control = nullptr;
  const traffic_block* blocks = nullptr;
};

enum class TrafficHooks : std::uint8_t {
  tcx,          // at the interfaces; Linux 6.6 and later
  tracepoints,  // of all interfaces, of which those of this namespace are counted; Linux 5.11 and later with
                // BTF
};

struct TrafficProgramOptions {
  TrafficHooks hooks = TrafficHooks::tcx;
  std::uint32_t slot_limit = 512;    // slots of a processor and buffer: at most 2^20
  std::uint32_t places_each = 1024;  // places of its hash table: a power of two, twice as many or more
  std::uint32_t block_count = 1;
  std::uint64_t hash_seed = 1;
  bool find_owners = true;
};

class TrafficProgram {
 public:
  [[nodiscard]] static Result<std::unique_ptr<TrafficProgram>> load(const TrafficProgramOptions& options);
  virtual ~TrafficProgram() = default;

  // Counts what comes in and goes out there into that block. `link_head` is the size of the head of its
  // frames.
  [[nodiscard]] virtual Result<void> attach(unsigned interface, unsigned block, unsigned link_head) = 0;
  virtual void detach(unsigned interface) = 0;

  // Counting goes on in the other buffer. When it returns, nobody writes the buffer that it names any more;
  // its areas are then read, `used` of each is set to 0, and only then is it called again.
  [[nodiscard]] virtual Result<unsigned> switch_buffer() = 0;
  [[nodiscard]] virtual unsigned processors() const = 0;
  [[nodiscard]] virtual TrafficArea area(unsigned processor, unsigned buffer) const = 0;

  // Why sockets are not told apart by their processes; empty when they are.
  [[nodiscard]] virtual const std::string& no_owners_because() const = 0;
  // Every socket that a process holds is marked: one without a mark is the kernel's own.
  [[nodiscard]] virtual bool marks_all() const = 0;
  // Looks through the descriptors of all processes for sockets that changed hands.
  virtual void walk_sockets() = 0;
  // What a process was when it made a socket, though it may have ended.
  [[nodiscard]] virtual std::optional<traffic_owner> owner(std::uint32_t pid) const = 0;
};

}  // namespace isotach::kernel
