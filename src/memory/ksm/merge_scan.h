// Reads the contents of the memory that KSM could merge, of many processes, and keeps a hash of each page.
// Nothing is changed, and absent or swapped pages are not brought in; a page that is read counts as used
// by the kernel, as any access does.
//
//     MergeScan scan(root, options);
//     for (pid : pids) scan.add(pid);     what is there, from smaps
//     scan.read(keep_going);              about 0.3 s for a GiB and thread
//     scan.look_again(keep_going);        perhaps, some time later: leaves out what has changed meanwhile
//     scan.finish();                      forgets processes that have gone
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "kernel/mappings.h"
#include "kernel/memory_hierarchy.h"
#include "kernel/pagemap.h"
#include "memory/ksm/merge_model.h"

namespace isotach::memory {

enum class MergeRegions {
  all,        // as if every process had asked for merging (PR_SET_MEMORY_MERGE)
  mergeable,  // only what is marked now (MADV_MERGEABLE or PR_SET_MEMORY_MERGE)
  swappable,  // for other questions than merging: what may go to swap
};

struct MergeScanOptions {
  MergeRegions regions = MergeRegions::all;
  bool looks_again = false;  // remember where each page is
  // The part of the frames that is read, chosen by chance from `seed`.
  double sample = 1;
  std::uint64_t seed = 1;
  // Every so many pages instead of by chance: each part of the memory is in the sample as it should be, but
  // its pages are not independent of each other. What fork() shares is still chosen by chance.
  bool evenly_spaced = false;
  // Of the records. Where they would need more, only contents with a hash divisible by a power of 2 are
  // kept, those of zeros always. 0: no limit; 16 bytes a page.
  std::uint64_t memory_limit_bytes = 0;
  unsigned threads = 1;
  // Called with each page that was read, by the thread that read it; with a shared frame perhaps once only.
  std::function<void(const PageRecord& record, std::span<const char> page)> on_page;
};

enum class ScanState {
  scanned,
  nothing,        // a kernel thread, one that has ended, or no memory of its own
  not_permitted,  // reading it needs a right that this process lacks
  vanished,
};

struct ScannedProcess {
  unsigned pid = 0;
  std::string command;  // chosen by the process: print it with printable()
  std::string cgroup;   // empty where it is not known
  ScanState state = ScanState::nothing;
  std::uint64_t start_ticks = 0;
  std::uint64_t expected_pages = 0;  // that KSM could look at, from smaps
  std::uint64_t huge_bytes = 0;      // of them in transparent huge pages, which merging splits
  std::uint64_t places = 0;          // found and, unless a sample was asked for, read
  std::uint64_t swapped_pages = 0;   // left alone
  std::uint64_t unreadable_pages = 0;
  std::uint64_t volatile_pages = 0;  // changed between the two looks
};

// Whether KSM can merge pages of a mapping like that (kernel: ksm_compatible() in mm/ksm.c).
[[nodiscard]] bool is_merge_compatible(const kernel::Mapping& mapping);
// Whether private pages of it may go to swap.
[[nodiscard]] bool is_swappable(const kernel::Mapping& mapping);

class ScanWorker;

class MergeScan {
 public:
  // Called now and then with the pages read so far; reading ends when it returns false.
  using KeepGoing = std::function<bool(std::uint64_t pages_done)>;

  MergeScan(const kernel::SystemRoot& root, const MergeScanOptions& options);
  MergeScan(const MergeScan&) = delete;
  MergeScan& operator=(const MergeScan&) = delete;
  ~MergeScan();

  // Takes the process in; what cannot be read is remembered in its state. The process itself that calls
  // is left out.
  void add(unsigned pid);

  // Before read(), when expected_pages() is known: the part of the frames that is read.
  void set_sample(double part) { options_.sample = part; }

  // False when keep_going ended it: then what was read so far is there.
  [[nodiscard]] bool read(const KeepGoing& keep_going);
  [[nodiscard]] bool look_again(const KeepGoing& keep_going);
  // Takes the counters and records together and forgets processes that have gone meanwhile.
  void finish();

  [[nodiscard]] const std::vector<ScannedProcess>& processes() const { return processes_; }
  [[nodiscard]] std::uint64_t expected_pages() const;
  // After finish(). Owners are the places of processes().
  [[nodiscard]] std::vector<PageRecord>& records() { return records_; }
  // Of how many contents one was kept because of the memory limit: 1 when all were.
  [[nodiscard]] std::uint64_t content_step() const { return content_step_; }
  // Frames of the places found, sampled or not.
  [[nodiscard]] std::uint64_t frames_found() const { return frames_found_; }
  // False where the kernel hides which frame stands behind a page: then fork() sharing is recognised by
  // equal addresses and contents.
  [[nodiscard]] bool frames_visible() const { return zero_frame_ != 0; }
  [[nodiscard]] std::uint64_t zero_hash() const { return zero_hash_; }

 private:
  struct Job {
    std::uint32_t owner = 0;
    kernel::AddressRange range;
  };
  void add_jobs(std::uint32_t owner, const std::vector<kernel::Mapping>& mappings);
  [[nodiscard]] bool shares_memory(const std::vector<kernel::Mapping>& mappings, unsigned pid);
  [[nodiscard]] bool in_parallel(const KeepGoing& keep_going, const std::function<bool(ScanWorker&)>& step);

  kernel::SystemRoot root_;
  MergeScanOptions options_;
  std::optional<kernel::MemoryHierarchy> groups_;
  std::uint64_t zero_frame_;
  std::uint64_t zero_hash_;
  std::vector<ScannedProcess> processes_;
  std::vector<Job> jobs_;
  std::vector<std::pair<std::uint64_t, unsigned>> layouts_;  // hash of the mappings, and whose they are
  std::vector<std::unique_ptr<ScanWorker>> workers_;
  std::atomic<std::size_t> next_job_{0};
  std::atomic<bool> stopped_{false};
  std::atomic<std::uint64_t> pages_done_{0};
  std::vector<PageRecord> records_;
  std::uint64_t content_step_ = 1;
  std::uint64_t frames_found_ = 0;
};

}  // namespace isotach::memory
