// One thread's part of a MergeScan: reads pages in batches that fit into the second-level cache.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "kernel/pagemap.h"
#include "kernel/process_memory.h"
#include "memory/ksm/merge_scan.h"

namespace isotach::memory {

class ScanWorker {
 public:
  struct Counters {
    std::uint64_t places = 0;
    std::uint64_t swapped_pages = 0;
    std::uint64_t unreadable_pages = 0;
    std::uint64_t volatile_pages = 0;
    bool vanished = false;
    bool not_permitted = false;
  };
  // Places of one process that follow each other in memory and in the records.
  struct Run {
    std::uint64_t address = 0;
    std::uint32_t owner = 0;
    std::uint32_t count = 0;
  };

  ScanWorker(const kernel::SystemRoot& root, const MergeScanOptions& options, std::uint64_t zero_frame,
             std::uint64_t zero_hash, std::size_t owners, std::uint64_t expected_pages);

  // Reads what is there in `range` of the process. Afterwards pages_done() has grown.
  void read(std::uint32_t owner, unsigned pid, kernel::AddressRange range);
  // Reads some of the pages again and leaves out those that have changed; false when there are none left.
  [[nodiscard]] bool look_again(const std::vector<ScannedProcess>& processes);
  // Keeps only contents whose hash is divisible by `step`.
  void thin_out(std::uint64_t step);

  [[nodiscard]] std::uint64_t pages_done() const { return pages_done_; }
  [[nodiscard]] std::uint64_t content_step() const { return content_step_; }
  [[nodiscard]] std::vector<PageRecord>& records() { return records_; }
  [[nodiscard]] std::vector<std::uint32_t>& shared_frames() { return shared_frames_; }
  [[nodiscard]] const Counters& counters(std::uint32_t owner) const { return counters_[owner]; }

 private:
  // 256 KiB: larger ones leave the cache before they are hashed.
  static constexpr std::size_t kBatchPages = 64;

  [[nodiscard]] bool open(std::uint32_t owner, unsigned pid);
  [[nodiscard]] std::uint32_t mark_of(kernel::PageEntry entry, std::uint64_t address);
  [[nodiscard]] bool is_sampled(std::uint32_t owner, std::uint64_t address, std::uint32_t frame);
  void fail(std::uint32_t owner, const Error& error);
  void note(std::uint32_t owner, std::uint64_t address, kernel::PageEntry entry);
  struct Batch {
    kernel::ProcessMemory::Way way;
    std::vector<std::uint64_t> addresses;
    std::vector<std::uint32_t> frames;  // of read()
    std::vector<std::size_t> records;   // of look_again()
  };
  [[nodiscard]] Batch& batch_for(kernel::PageEntry entry) { return entry.exclusive() ? alone_ : shared_; }
  [[nodiscard]] bool flush(std::uint32_t owner, Batch& batch);
  void compare(std::uint32_t owner, Batch& batch);
  void keep(const PageRecord& record, std::uint64_t address);
  // What a frame held that was read before, at another place that shares it.
  struct KnownFrame {
    std::uint32_t frame = 0;
    std::uint64_t hash = 0;
  };
  [[nodiscard]] KnownFrame* known_frame(std::uint32_t frame);

  kernel::SystemRoot root_;
  const MergeScanOptions& options_;
  std::uint64_t zero_frame_;
  std::uint64_t zero_hash_;
  std::uint64_t sample_below_;
  double sample_credit_;  // a page is taken when it reaches 1
  std::size_t record_limit_;
  std::vector<Counters> counters_;
  kernel::FrameFlags frame_flags_;
  std::optional<std::uint32_t> open_owner_;
  std::optional<kernel::Pagemap> map_;
  std::optional<kernel::ProcessMemory> memory_;

  // Begins at a page: the kernel copies three times as quickly as to an odd address.
  std::vector<char> storage_;
  std::span<char> buffer_;
  Batch alone_{kernel::ProcessMemory::Way::pinning, {}, {}, {}};
  Batch shared_{kernel::ProcessMemory::Way::copying, {}, {}, {}};
  std::vector<bool> readable_;
  std::vector<kernel::AddressRange> ranges_;
  std::vector<PageRecord> records_;
  std::vector<Run> runs_;
  std::vector<std::uint32_t> shared_frames_;  // of each place that is not alone on its frame
  // By frame; one that falls on the place of another takes it. Of 100 processes that fork() made, the memory
  // that they share is read once.
  std::vector<KnownFrame> known_frames_;
  std::size_t known_frame_limit_;
  std::uint64_t content_step_ = 1;
  std::uint64_t pages_done_ = 0;
  // Of look_again().
  std::size_t next_run_ = 0;
  std::size_t next_record_ = 0;
};

}  // namespace isotach::memory
