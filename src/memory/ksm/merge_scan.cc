#include "memory/ksm/merge_scan.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "base/fd.h"
#include "kernel/process.h"
#include "kernel/process_memory.h"
#include "memory/ksm/page_hash.h"
#include "memory/ksm/scan_worker.h"

namespace isotach::memory {

using kernel::Mapping;
using kernel::MappingField;
using kernel::MappingFlag;

namespace {

constexpr unsigned kKernelThreadParent = 2;  // kthreadd
// A job: short enough that keep_going() is called often.
constexpr std::uint64_t kJobBytes = std::uint64_t{16} << 20;

// KCMP_VM of <linux/kcmp.h>: 0 when both have one and the same address space (vfork, CLONE_VM).
bool same_address_space(unsigned a, unsigned b) {
  constexpr int kCompareMemory = 1;
  return ::syscall(SYS_kcmp, static_cast<long>(a), static_cast<long>(b), kCompareMemory, 0L, 0L) == 0;
}

std::uint64_t layout_hash(const std::vector<Mapping>& mappings) {
  std::vector<std::uint64_t> bounds;
  for (const Mapping& mapping : mappings) {
    bounds.push_back(mapping.start);
    bounds.push_back(mapping.end);
  }
  const auto* const bytes = reinterpret_cast<const char*>(bounds.data());
  return page_hash(std::span(bytes, bounds.size() * sizeof(std::uint64_t)));
}

std::optional<kernel::ProcessReading> read_stat(const kernel::SystemRoot& root, unsigned pid) {
  constexpr std::size_t kLimitBytes = 65536;
  const auto text = read_file(root.path("proc/" + std::to_string(pid) + "/stat"), kLimitBytes);
  kernel::ProcessReading reading;
  if (!text || !kernel::parse_process_stat(*text, 1, reading)) return std::nullopt;
  return reading;
}

}  // namespace

bool is_merge_compatible(const Mapping& mapping) {
  if (mapping.shared) return false;
  if (mapping.flags_known) {
    for (const MappingFlag flag :
         {MappingFlag::shared, MappingFlag::may_share, MappingFlag::io, MappingFlag::frames_only,
          MappingFlag::do_not_expand, MappingFlag::huge_tlb, MappingFlag::mixed, MappingFlag::droppable})
      if (mapping.has(flag)) return false;
    return true;
  }
  // From maps: what the kernel itself maps, and hugetlbfs by its usual names.
  const std::string& name = mapping.name;
  return !name.starts_with("[v") && !name.starts_with("/anon_hugepage") && !name.starts_with("/dev/");
}

bool is_swappable(const Mapping& mapping) {
  return is_merge_compatible(mapping) && !mapping.has(MappingFlag::locked);
}

MergeScan::MergeScan(const kernel::SystemRoot& root, const MergeScanOptions& options)
    : root_(root),
      options_(options),
      groups_(kernel::find_memory_hierarchy(root)),
      zero_frame_(kernel::zero_page_frame()),
      zero_hash_(zero_page_hash(kernel::page_size_bytes())) {
  options_.threads = std::max(1u, options_.threads);
}

MergeScan::~MergeScan() = default;

bool MergeScan::shares_memory(const std::vector<Mapping>& mappings, unsigned pid) {
  const std::uint64_t layout = layout_hash(mappings);
  for (const auto& [other_layout, other] : layouts_)
    if (other_layout == layout && same_address_space(other, pid)) return true;
  layouts_.emplace_back(layout, pid);
  return false;
}

void MergeScan::add_jobs(std::uint32_t owner, const std::vector<Mapping>& mappings) {
  ScannedProcess& process = processes_[owner];
  const std::uint64_t page_kib = kernel::page_size_bytes() / 1024;
  for (const Mapping& mapping : mappings) {
    const bool wanted =
        options_.regions == MergeRegions::swappable ? is_swappable(mapping) : is_merge_compatible(mapping);
    if (!wanted) continue;
    if (options_.regions == MergeRegions::mergeable && !mapping.has(MappingFlag::mergeable)) continue;
    const Value& anonymous = mapping[MappingField::anonymous];
    // Nothing of its own and nothing in swap: most mappings of files.
    if (!anonymous.is_missing() && anonymous.as_unsigned() == 0) continue;
    process.expected_pages += anonymous.as_unsigned() / page_kib;
    process.huge_bytes += mapping[MappingField::anonymous_huge].as_unsigned() * 1024;
    for (std::uint64_t at = mapping.start; at < mapping.end;) {
      // A sparse mapping of many TiB is one job: its holes cost nothing.
      const bool sparse = mapping.size_bytes() / 1024 > 64 * (anonymous.as_unsigned() + kJobBytes / 1024);
      const std::uint64_t end = sparse ? mapping.end : std::min(mapping.end, at + kJobBytes);
      jobs_.push_back({owner, {at, end}});
      at = end;
    }
  }
  process.state = ScanState::scanned;
}

void MergeScan::add(unsigned pid) {
  if (pid == static_cast<unsigned>(::getpid())) return;
  ScannedProcess process;
  process.pid = pid;
  const auto reading = read_stat(root_, pid);
  const auto owner = static_cast<std::uint32_t>(processes_.size());
  if (!reading) {
    process.state = ScanState::vanished;
    processes_.push_back(std::move(process));
    return;
  }
  process.command = reading->command;
  process.start_ticks = reading->start_ticks;
  if (groups_) process.cgroup = kernel::memory_group_of(root_, *groups_, pid).value_or(std::string());
  processes_.push_back(std::move(process));
  if (pid == kKernelThreadParent || reading->parent_pid == kKernelThreadParent || reading->has_ended())
    return;
  const auto set_state = [&](const Error& error) {
    const bool refused = error.kind == ErrorKind::not_permitted;
    processes_[owner].state = refused ? ScanState::not_permitted : ScanState::vanished;
  };
  const auto mappings = kernel::read_mappings(root_, pid, kernel::MappingDetail::full);
  if (!mappings) return set_state(mappings.error());
  if (mappings->empty()) return;
  if (const auto memory = kernel::ProcessMemory::open(pid); !memory) return set_state(memory.error());
  if (shares_memory(*mappings, pid)) return;
  add_jobs(owner, *mappings);
}

std::uint64_t MergeScan::expected_pages() const {
  std::uint64_t pages = 0;
  for (const ScannedProcess& process : processes_) pages += process.expected_pages;
  return pages;
}

bool MergeScan::in_parallel(const KeepGoing& keep_going, const std::function<bool(ScanWorker&)>& step) {
  pages_done_ = 0;
  stopped_ = false;
  const auto work = [&](ScanWorker& worker, bool may_ask) {
    for (;;) {
      const std::uint64_t before = worker.pages_done();
      const bool more = !stopped_ && step(worker);
      pages_done_ += worker.pages_done() - before;
      if (may_ask && !keep_going(pages_done_)) stopped_ = true;
      if (!more || stopped_) return;
    }
  };
  std::vector<std::thread> threads;
  for (std::size_t i = 1; i < workers_.size(); ++i)
    threads.emplace_back([&, i] { work(*workers_[i], false); });
  if (!workers_.empty()) work(*workers_.front(), true);
  for (std::thread& thread : threads) thread.join();
  return !stopped_;
}

bool MergeScan::read(const KeepGoing& keep_going) {
  const std::size_t count = std::max<std::size_t>(1, std::min<std::size_t>(options_.threads, jobs_.size()));
  for (std::size_t i = 0; i < count; ++i)
    workers_.push_back(std::make_unique<ScanWorker>(root_, options_, zero_frame_, zero_hash_,
                                                    processes_.size(), expected_pages()));
  next_job_ = 0;
  return in_parallel(keep_going, [this](ScanWorker& worker) {
    const std::size_t number = next_job_++;
    if (number >= jobs_.size()) return false;
    const Job& job = jobs_[number];
    worker.read(job.owner, processes_[job.owner].pid, job.range);
    return true;
  });
}

bool MergeScan::look_again(const KeepGoing& keep_going) {
  return in_parallel(keep_going, [this](ScanWorker& worker) { return worker.look_again(processes_); });
}

void MergeScan::finish() {
  for (const auto& worker : workers_) content_step_ = std::max(content_step_, worker->content_step());
  std::vector<std::uint32_t> shared_frames;
  std::uint64_t places = 0;
  for (const auto& worker : workers_) {
    for (std::size_t owner = 0; owner < processes_.size(); ++owner) {
      ScannedProcess& process = processes_[owner];
      const ScanWorker::Counters& counters = worker->counters(static_cast<std::uint32_t>(owner));
      process.places += counters.places;
      process.swapped_pages += counters.swapped_pages;
      process.unreadable_pages += counters.unreadable_pages;
      process.volatile_pages += counters.volatile_pages;
      places += counters.places;
      if (counters.vanished) process.state = ScanState::vanished;
      if (counters.not_permitted) process.state = ScanState::not_permitted;
    }
    if (worker->content_step() < content_step_) worker->thin_out(content_step_);
    std::vector<PageRecord>& records = worker->records();
    if (records_.empty()) {
      records_ = std::move(records);
    } else {
      records_.insert(records_.end(), records.begin(), records.end());
    }
    records = {};
    shared_frames.insert(shared_frames.end(), worker->shared_frames().begin(), worker->shared_frames().end());
    worker->shared_frames() = {};
  }
  workers_.clear();
  std::sort(shared_frames.begin(), shared_frames.end());
  const auto distinct = std::unique(shared_frames.begin(), shared_frames.end()) - shared_frames.begin();
  frames_found_ = places - shared_frames.size() + static_cast<std::uint64_t>(distinct);

  // Of one whose number has another process by now, what was read is of either.
  bool any_gone = false;
  for (ScannedProcess& process : processes_) {
    if (process.state != ScanState::scanned) {
      any_gone = any_gone || process.places > 0;
      continue;
    }
    const auto reading = read_stat(root_, process.pid);
    if (reading && reading->start_ticks == process.start_ticks && !reading->has_ended()) continue;
    process.state = ScanState::vanished;
    any_gone = true;
  }
  if (any_gone)
    std::erase_if(records_, [&](const PageRecord& record) {
      return processes_[record.owner].state != ScanState::scanned;
    });
}

}  // namespace isotach::memory
