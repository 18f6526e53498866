// What a recording comes to: which routines ran and moved how many bytes, which memory was read and written,
// by image and page, and how much memory was in use over time. Pure: the same recording gives the same.
//
// Memory is bounded: by the pages and code that were seen, and a fixed number of slices of time, which grow
// wider as the recording grows longer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "instrument/trace.h"

namespace isotach::instrument {

inline constexpr std::uint64_t kPageBytes = 4096;

struct AccessCounts {
  std::uint64_t reads = 0, writes = 0, read_bytes = 0, written_bytes = 0;

  void add(const TraceAccess& access) {
    if (access.written) {
      ++writes;
      written_bytes += access.size;
    } else {
      ++reads;
      read_bytes += access.size;
    }
  }
  void add(const AccessCounts& other);
  [[nodiscard]] std::uint64_t accesses() const { return reads + writes; }
  [[nodiscard]] std::uint64_t bytes() const { return read_bytes + written_bytes; }
};

struct CodeUse {
  std::uint64_t instructions = 0;
  AccessCounts data;
};

// Pages that were touched within one slice of time.
struct TimeSlice {
  std::unordered_map<std::uint64_t, AccessCounts> pages;  // by number of page
  std::uint64_t instructions = 0;
};

struct NamedUse {
  std::string name;   // routine, image or region
  std::string image;  // of a routine
  CodeUse use;
  std::uint64_t pages = 0;  // of a region: that were touched
};

struct PageUse {
  std::uint64_t page = 0;
  std::string region;
  AccessCounts counts;
};

// A stretch of touched memory, for the map: pages that lie near each other in one region.
struct TouchedRange {
  std::uint64_t low = 0, high = 0;  // addresses of pages, [low, high)
  std::string region;
};

class TraceSummary final : public TraceSink {
 public:
  static constexpr std::size_t kMostSlices = 128;
  static constexpr std::size_t kMostPages = std::size_t{1} << 22;
  static constexpr std::int64_t kFirstSliceNs = 1'000'000;

  void executed(const TraceProgram& program, std::uint32_t thread, std::uint32_t first, std::uint32_t count,
                std::int64_t time_ns) override;
  void access(const TraceProgram& program, const TraceAccess& access) override;

  [[nodiscard]] std::uint64_t instructions() const { return instructions_; }
  [[nodiscard]] const AccessCounts& total() const { return total_; }
  [[nodiscard]] std::uint64_t unreadable() const { return unreadable_; }
  [[nodiscard]] std::uint64_t pages_touched() const { return pages_.size(); }
  // Accesses to pages beyond the limit: in the totals, in no table of pages.
  [[nodiscard]] std::uint64_t not_followed() const { return not_followed_; }

  // Of the tables of pages, all and in slices: what most of the memory goes to.
  [[nodiscard]] std::size_t entries() const;

  [[nodiscard]] std::int64_t slice_ns() const { return slice_ns_; }
  [[nodiscard]] const std::vector<TimeSlice>& slices() const { return slices_; }

  // The busiest first. By instructions where those were recorded, else by bytes.
  [[nodiscard]] std::vector<NamedUse> routines(const TraceProgram& program) const;
  [[nodiscard]] std::vector<NamedUse> images(const TraceProgram& program) const;   // of the code
  [[nodiscard]] std::vector<NamedUse> regions(const TraceProgram& program) const;  // of the data
  [[nodiscard]] std::vector<PageUse> busiest_pages(const TraceProgram& program, std::size_t count) const;
  // All touched memory in order of address; ranges closer than `gap_pages` in one region are one.
  [[nodiscard]] std::vector<TouchedRange> touched(const TraceProgram& program, std::uint64_t gap_pages) const;

 private:
  [[nodiscard]] TimeSlice& slice_at(std::int64_t time_ns);
  void count_page(std::uint64_t page, const AccessCounts& counts, std::int64_t time_ns);

  std::uint64_t instructions_ = 0, unreadable_ = 0, not_followed_ = 0;
  AccessCounts total_;
  std::vector<CodeUse> by_instruction_;
  std::unordered_map<std::uint64_t, AccessCounts> pages_;
  std::vector<TimeSlice> slices_;
  std::int64_t slice_ns_ = kFirstSliceNs;
};

// Where data lies: an image's name, "[stack]", a file, "anonymous memory".
[[nodiscard]] std::string region_name(const TraceProgram& program, std::uint64_t address);

}  // namespace isotach::instrument
