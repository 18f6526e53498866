#include "memory/ksm/scan_worker.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <memory>

#include "base/check.h"
#include "memory/ksm/page_hash.h"

namespace isotach::memory {

using kernel::PageEntry;
using kernel::Pagemap;
using kernel::ProcessMemory;

namespace {

// 64 MiB; and a quarter of the places at most, which is 0.1 % of their memory.
constexpr std::uint64_t kLargestFrameMemory = std::uint64_t{1} << 22;
constexpr std::uint32_t kForgotten = std::numeric_limits<std::uint32_t>::max();

// Steele, Lea, Flood: SplitMix64. Spreads a counter over all 64 bits.
std::uint64_t mixed(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15u;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
  return value ^ (value >> 31);
}

std::uint64_t threshold(double part) {
  if (part >= 1) return std::numeric_limits<std::uint64_t>::max();
  return static_cast<std::uint64_t>(std::ldexp(std::max(part, 0.0), 64));
}

}  // namespace

ScanWorker::ScanWorker(const kernel::SystemRoot& root, const MergeScanOptions& options,
                       std::uint64_t zero_frame, std::uint64_t zero_hash, std::size_t owners,
                       std::uint64_t expected_pages)
    : root_(root),
      options_(options),
      zero_frame_(zero_frame),
      zero_hash_(zero_hash),
      sample_below_(threshold(options.sample)),
      sample_credit_(std::ldexp(static_cast<double>(mixed(options.seed)), -64)),
      record_limit_(options.memory_limit_bytes == 0
                        ? std::numeric_limits<std::size_t>::max()
                        : std::max<std::size_t>(
                              4096, options.memory_limit_bytes / options.threads / sizeof(PageRecord))),
      counters_(owners),
      frame_flags_(root),
      storage_((kBatchPages + 1) * kernel::page_size_bytes()),
      known_frame_limit_(std::bit_ceil(
          std::clamp<std::uint64_t>(expected_pages / options.threads / 4, 1, kLargestFrameMemory))) {
  void* start = storage_.data();
  std::size_t size = storage_.size();
  const std::size_t page = kernel::page_size_bytes();
  CHECK(std::align(page, kBatchPages * page, start, size) != nullptr);
  buffer_ = std::span(static_cast<char*>(start), kBatchPages * page);
}

bool ScanWorker::open(std::uint32_t owner, unsigned pid) {
  if (open_owner_ == owner) return map_.has_value() && memory_.has_value();
  open_owner_ = owner;
  map_.reset();
  memory_.reset();
  auto map = Pagemap::open(root_, pid);
  if (!map) {
    fail(owner, map.error());
    return false;
  }
  auto memory = ProcessMemory::open(pid);
  if (!memory) {
    fail(owner, memory.error());
    return false;
  }
  map_.emplace(std::move(*map));
  memory_.emplace(std::move(*memory));
  return true;
}

// What tells the frame of a place from others. It only has to differ among places of one content, so that
// the lower bits do; where frames are hidden, fork() leaves equal addresses.
std::uint32_t ScanWorker::mark_of(PageEntry entry, std::uint64_t address) {
  if (entry.exclusive()) return 0;
  const std::uint64_t from = entry.frame() != 0 ? entry.frame() : mixed(address);
  const auto mark = std::max<std::uint32_t>(1, static_cast<std::uint32_t>(from) & ~kMergedFrame);
  if (entry.frame() == 0) return mark;
  // Asked once for each frame.
  if (const KnownFrame* const known = known_frame(mark); known != nullptr)
    if ((known->frame & ~kMergedFrame) == mark) return known->frame;
  return frame_flags_.is_merged(entry.frame()) ? mark | kMergedFrame : mark;
}

void ScanWorker::fail(std::uint32_t owner, const Error& error) {
  if (error.kind == ErrorKind::not_permitted) {
    counters_[owner].not_permitted = true;
  } else {
    counters_[owner].vanished = true;
  }
  map_.reset();
  memory_.reset();
}

void ScanWorker::read(std::uint32_t owner, unsigned pid, kernel::AddressRange range) {
  if (!open(owner, pid)) return;
  std::array<PageEntry, 512> entries;
  const std::uint64_t page = kernel::page_size_bytes();
  for (std::uint64_t at = range.start; at < range.end;) {
    if (const auto found = map_->find_populated({at, range.end}, ranges_); !found)
      return fail(owner, found.error());
    if (ranges_.empty()) break;
    at = ranges_.back().end;
    for (const kernel::AddressRange& part : ranges_) {
      for (std::uint64_t address = part.start; address < part.end;) {
        const auto wanted = std::min<std::uint64_t>((part.end - address) / page, entries.size());
        const auto got = map_->read(address, std::span(entries).first(wanted));
        if (!got) return fail(owner, got.error());
        if (*got == 0) break;
        for (std::size_t i = 0; i < *got; ++i, address += page) {
          note(owner, address, entries[i]);
          Batch& batch = batch_for(entries[i]);
          if (batch.addresses.size() == kBatchPages && !flush(owner, batch)) return;
        }
      }
    }
  }
  if (flush(owner, alone_)) static_cast<void>(flush(owner, shared_));
}

void ScanWorker::note(std::uint32_t owner, std::uint64_t address, PageEntry entry) {
  Counters& counters = counters_[owner];
  if (entry.swapped()) ++counters.swapped_pages;
  if (!entry.present() || entry.file_or_shared()) return;
  if (zero_frame_ != 0 && entry.frame() == zero_frame_) return;
  ++counters.places;
  ++pages_done_;
  const std::uint32_t frame = mark_of(entry, address);
  if (frame != 0) shared_frames_.push_back(frame);
  if (options_.sample < 1 && !is_sampled(owner, address, frame)) return;
  // While a frame is shared nobody can write to it.
  if (const KnownFrame* const known = known_frame(frame); known != nullptr && known->frame == frame) {
    keep({known->hash, owner, frame}, address);
    return;
  }
  Batch& batch = batch_for(entry);
  batch.addresses.push_back(address);
  batch.frames.push_back(frame);
}

bool ScanWorker::is_sampled(std::uint32_t owner, std::uint64_t address, std::uint32_t frame) {
  if (options_.evenly_spaced && frame == 0) {
    sample_credit_ += options_.sample;
    if (sample_credit_ < 1) return false;
    sample_credit_ -= 1;
    return true;
  }
  // Places with one frame are chosen together.
  const std::uint64_t name = frame != 0 ? frame : mixed(owner) ^ (address | 1);
  return mixed(options_.seed ^ mixed(name)) < sample_below_;
}

bool ScanWorker::flush(std::uint32_t owner, Batch& batch) {
  const std::size_t page = kernel::page_size_bytes();
  const auto got = memory_->read(batch.way, batch.addresses, page, buffer_, readable_);
  for (std::size_t i = 0; got && i < batch.addresses.size(); ++i) {
    if (readable_[i]) {
      const std::span<const char> content = buffer_.subspan(i * page, page);
      const PageRecord record{page_hash(content), owner, batch.frames[i]};
      if (options_.on_page) options_.on_page(record, content);
      if (KnownFrame* const known = known_frame(record.frame)) *known = {record.frame, record.hash};
      keep(record, batch.addresses[i]);
    } else {
      ++counters_[owner].unreadable_pages;
    }
  }
  batch.addresses.clear();
  batch.frames.clear();
  if (got) return true;
  fail(owner, got.error());
  alone_.addresses.clear();
  alone_.frames.clear();
  shared_.addresses.clear();
  shared_.frames.clear();
  return false;
}

ScanWorker::KnownFrame* ScanWorker::known_frame(std::uint32_t frame) {
  // Hidden frames have marks that are made from addresses, which two processes may have in common.
  if (frame == 0 || zero_frame_ == 0) return nullptr;
  if (known_frames_.empty()) known_frames_.resize(known_frame_limit_);
  return &known_frames_[frame & (known_frames_.size() - 1)];
}

void ScanWorker::keep(const PageRecord& record, std::uint64_t address) {
  if (content_step_ > 1 && record.hash % content_step_ != 0 && record.hash != zero_hash_) return;
  if (records_.size() >= record_limit_) {
    thin_out(content_step_ * 2);
    if (record.hash % content_step_ != 0 && record.hash != zero_hash_) return;
  }
  records_.push_back(record);
  if (!options_.looks_again) return;
  const std::uint64_t page = kernel::page_size_bytes();
  if (!runs_.empty()) {
    Run& last = runs_.back();
    if (last.owner == record.owner && last.address + last.count * page == address) {
      ++last.count;
      return;
    }
  }
  runs_.push_back({address, record.owner, 1});
}

void ScanWorker::thin_out(std::uint64_t step) {
  content_step_ = step;
  std::erase_if(records_, [&](const PageRecord& record) {
    return record.hash % content_step_ != 0 && record.hash != zero_hash_;
  });
  // One content with very many pages cannot be thinned out.
  if (records_.size() > record_limit_ / 2) record_limit_ = records_.size() * 2;
}

void ScanWorker::compare(std::uint32_t owner, Batch& batch) {
  const std::size_t page = kernel::page_size_bytes();
  const auto got = memory_->read(batch.way, batch.addresses, page, buffer_, readable_);
  for (std::size_t i = 0; i < batch.addresses.size(); ++i) {
    PageRecord& record = records_[batch.records[i]];
    const bool same = got && readable_[i] && page_hash(buffer_.subspan(i * page, page)) == record.hash;
    if (same) continue;
    record.owner = kForgotten;
    ++counters_[owner].volatile_pages;
  }
  batch.addresses.clear();
  batch.records.clear();
}

bool ScanWorker::look_again(const std::vector<ScannedProcess>& processes) {
  const std::uint64_t page = kernel::page_size_bytes();
  if (next_run_ == runs_.size()) {
    std::erase_if(records_, [](const PageRecord& record) { return record.owner == kForgotten; });
    runs_.clear();
    next_run_ = 0;
    return false;
  }
  const std::uint32_t owner = runs_[next_run_].owner;
  const bool opened = open(owner, processes[owner].pid);
  // As many runs of this process as fit into a batch; a long one is read bit by bit.
  std::size_t looked_at = 0;
  while (next_run_ < runs_.size() && runs_[next_run_].owner == owner && looked_at < kBatchPages) {
    Run& run = runs_[next_run_];
    std::array<PageEntry, kBatchPages> entries;
    const std::size_t wanted = std::min<std::size_t>(run.count, kBatchPages - looked_at);
    const auto got =
        opened ? map_->read(run.address, std::span(entries).first(wanted)) : Result<std::size_t>(0);
    for (std::size_t i = 0; i < wanted; ++i, ++next_record_, run.address += page) {
      // What was swapped out meanwhile is not brought back.
      if (got && i < *got && entries[i].present()) {
        Batch& batch = batch_for(entries[i]);
        batch.addresses.push_back(run.address);
        batch.records.push_back(next_record_);
      } else {
        records_[next_record_].owner = kForgotten;
        ++counters_[owner].volatile_pages;
      }
    }
    looked_at += wanted;
    run.count -= static_cast<std::uint32_t>(wanted);
    if (run.count == 0) ++next_run_;
  }
  pages_done_ += looked_at;
  if (!opened) return true;
  compare(owner, alone_);
  compare(owner, shared_);
  return true;
}

}  // namespace isotach::memory
