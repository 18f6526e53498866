// Reads captures from front to back into a tracker, with progress on the terminal, and stops on Ctrl-C.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "command/context.h"
#include "network/connections/tracker.h"
#include "network/packet/decoder.h"
#include "network/packet/packet_filter.h"

namespace isotach::command {

struct CaptureFile {
  std::string name;
  std::string format;  // "pcap"
  std::uint64_t frames = 0;
  std::string damage;  // empty: it is sound
};

struct CaptureRun {
  std::vector<CaptureFile> files;
  network::DecoderCounts counts;
  std::uint64_t filtered_out = 0;  // frames that the filter did not let through
  bool interrupted = false;
  std::int64_t first_ns = 0;
  std::int64_t last_ns = 0;

  [[nodiscard]] bool is_damaged() const;
};

// Files follow each other as pieces of one capture. An error when one of them cannot be read at all.
// Only frames that `filter` lets through count, where there is one.
[[nodiscard]] Result<CaptureRun> read_captures(Context& context, const std::vector<std::string>& paths,
                                               network::Rules rules, network::Tracker& tracker,
                                               network::PacketFilter* filter = nullptr);

// Says on standard error what was damaged, not understood, or left out.
void tell_about(Context& context, const CaptureRun& run, const network::Tracker& tracker);

}  // namespace isotach::command
