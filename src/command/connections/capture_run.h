// Reads captures from front to back into a tracker, with progress on the terminal, and stops on Ctrl-C.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "command/context.h"
#include "network/connections/tracker.h"
#include "network/connections/udp_flows.h"
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
  std::uint64_t dropped = 0;       // that came faster than they could be captured
  bool interrupted = false;
  std::int64_t first_ns = 0;
  std::int64_t last_ns = 0;
  // Where there were several threads: for the tracker of each, what its connections are called now.
  std::vector<std::vector<std::uint32_t>> numbers;

  [[nodiscard]] bool is_damaged() const;
};

// What to read: files, which follow each other as pieces of one capture, or an interface as frames pass.
struct CaptureRequest {
  std::vector<std::string> paths;
  std::string called;       // in messages, instead of the path, where it is not empty
  std::string interface;    // empty: none
  std::string filter_text;  // for the interface; empty: none
  network::Rules rules = network::Rules::exact;
  network::PacketFilter* filter = nullptr;  // for files
  network::UdpFlows* udp = nullptr;         // where UDP goes, if it is wanted
  bool follow = false;                      // files still grow
  std::optional<std::int64_t> duration_ns;  // of capturing and following; nothing: until Ctrl-C
  // Who looks on, for each thread one; one thread where there is none or one. Files only.
  std::vector<network::SegmentObserver*> observers;
};

// For the tracker: who sends the packets must not be able to choose which of them collide in its hash table.
[[nodiscard]] std::uint64_t unforeseen_seed(Context& context);

// An error when one of the files, or the interface, cannot be read at all.
[[nodiscard]] Result<CaptureRun> read_captures(Context& context, const CaptureRequest& request,
                                               network::Tracker& tracker);

// What of a capture was damaged, not understood, or left out, as sentences without final stop.
struct Remark {
  std::string text;
  bool is_warning = false;
};
[[nodiscard]] std::vector<Remark> remarks_on(const CaptureRun& run, const network::Tracker& tracker);
// Says on standard error what was damaged, not understood, or left out.
void tell_about(Context& context, const CaptureRun& run, const network::Tracker& tracker);

}  // namespace isotach::command
