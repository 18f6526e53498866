// Files for xplot (and jPlot), as tcptrace writes them: a2b_tsg.xpl (time and sequence), a2b_owin.xpl
// (in flight), a2b_rtt.xpl and a2b_ssize.xpl (segment size), with every segment. The letters are those of
// tcptrace: a2b and b2a are connection 1, c2d and d2c connection 2.
//
// Text is gathered in memory and added to the files piece by piece, so that any number of files needs few
// descriptors.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "network/connections/flow_series.h"
#include "network/connections/observer.h"

namespace isotach::network {

class XplotWriter final : public SegmentObserver {
 public:
  static constexpr std::size_t kMostConnections = 1024;

  // The folder must be there. `wanted` says by index for which connections files are written.
  XplotWriter(std::string folder, std::function<bool(std::size_t)> wanted)
      : folder_(std::move(folder)), wanted_(std::move(wanted)) {}

  void see(std::size_t index, const Connection& connection, int side, const SeenSegment& segment,
           const SegmentVerdict& verdict) override;
  // Writes what is left; an error when one of the files could not be written.
  [[nodiscard]] Result<void> finish();
  [[nodiscard]] std::uint64_t files() const { return files_; }
  [[nodiscard]] std::uint64_t left_out() const { return left_out_; }

  // "a" for 0, "z" for 25, "aa" for 26.
  [[nodiscard]] static std::string letters(std::size_t number);

 private:
  enum Kind : std::size_t { kSequence, kFlight, kRtt, kSize };
  static constexpr std::size_t kKinds = 4;
  struct File {
    std::string name;
    std::string text;
    const char* color = "";
    bool begun = false;
  };
  struct Flow {
    std::array<File, kKinds> files;
    FlowSeries numbers;  // for counting without wrap
    bool has_ack = false;
    std::int64_t ack = 0;
    std::int64_t ack_ns = 0;
    std::int64_t edge = 0;
    std::int64_t edge_ns = 0;
  };
  using Both = std::array<Flow, 2>;

  void sent(Flow& me, const SeenSegment& segment, const SegmentVerdict& verdict);
  void answered(Flow& flow, const SeenSegment& segment, const SegmentVerdict& verdict);
  void line(File& file, const char* color, std::int64_t x1, double y1, std::int64_t x2, double y2);
  void point(File& file, const char* color, const char* shape, std::int64_t x, double y);
  void label(File& file, const char* color, std::int64_t x, double y, const char* text);
  void set_color(File& file, const char* color);
  void write_out(File& file);
  void begin(std::size_t index, const Connection& connection, Both& both);

  std::string folder_;
  std::function<bool(std::size_t)> wanted_;
  std::vector<std::unique_ptr<Both>> all_;
  std::size_t used_ = 0;
  std::uint64_t left_out_ = 0;
  std::uint64_t files_ = 0;
  int error_ = 0;
  std::string failed_;
};

}  // namespace isotach::network
