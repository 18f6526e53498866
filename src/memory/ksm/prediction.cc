#include "memory/ksm/prediction.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "kernel/pagemap.h"

namespace isotach::memory {
namespace {

void fill_part(PredictionPart& part, const OwnerShare& share, const Prediction& prediction) {
  part.places = share.places;
  part.merged_places = share.merged_places;
  part.zero_places = share.zero_places;
  part.freed_bytes = share.freed_frames * static_cast<double>(prediction.page_bytes);
  // Zeros that go to the page of zeros leave no record behind.
  const std::uint64_t recorded = share.places - (prediction.what_if.use_zero_pages ? share.zero_places : 0);
  part.net_bytes = part.freed_bytes - static_cast<double>(recorded * kPlaceRecordBytes);
}

void sort_parts(std::vector<PredictionPart>& parts, std::vector<std::uint32_t>& order) {
  std::vector<std::uint32_t> by_gain(parts.size());
  std::iota(by_gain.begin(), by_gain.end(), 0u);
  std::stable_sort(by_gain.begin(), by_gain.end(), [&](std::uint32_t a, std::uint32_t b) {
    if (parts[a].freed_bytes != parts[b].freed_bytes) return parts[a].freed_bytes > parts[b].freed_bytes;
    return parts[a].places > parts[b].places;
  });
  std::vector<PredictionPart> sorted;
  std::vector<std::uint32_t> sorted_order;
  for (const std::uint32_t index : by_gain) {
    sorted.push_back(std::move(parts[index]));
    sorted_order.push_back(order[index]);
  }
  parts = std::move(sorted);
  order = std::move(sorted_order);
}

void add_processes(const MergeScan& scan, const ContentGroups& contents, std::size_t crossed,
                   Prediction& prediction) {
  const auto& processes = scan.processes();
  std::vector<std::uint32_t> alone(processes.size());
  std::iota(alone.begin(), alone.end(), 0u);
  const auto shares = contents.shares(alone, processes.size(), prediction.what_if);
  std::vector<std::uint32_t> owners;
  for (std::uint32_t owner = 0; owner < processes.size(); ++owner) {
    if (shares[owner].places == 0) continue;
    PredictionPart part;
    part.pid = processes[owner].pid;
    part.name = processes[owner].command;
    part.cgroup = processes[owner].cgroup;
    fill_part(part, shares[owner], prediction);
    prediction.parts.push_back(std::move(part));
    owners.push_back(owner);
  }
  sort_parts(prediction.parts, owners);
  owners.resize(std::min(owners.size(), crossed));
  prediction.cross = contents.cross(alone, owners);
  std::iota(prediction.cross.owners.begin(), prediction.cross.owners.end(), 0u);
}

void add_groups(const MergeScan& scan, const ContentGroups& contents, Prediction& prediction) {
  std::map<std::string, std::uint32_t> numbers;
  std::vector<std::uint32_t> group_of;
  for (const ScannedProcess& process : scan.processes())
    group_of.push_back(
        numbers.try_emplace(process.cgroup, static_cast<std::uint32_t>(numbers.size())).first->second);
  const auto shares = contents.shares(group_of, numbers.size(), prediction.what_if);
  std::vector<std::uint32_t> order;
  for (const auto& [path, number] : numbers) {
    if (shares[number].places == 0 || path.empty()) continue;
    PredictionPart part;
    part.name = path;
    part.cgroup = path;
    fill_part(part, shares[number], prediction);
    prediction.groups.push_back(std::move(part));
    order.push_back(number);
  }
  sort_parts(prediction.groups, order);
}

}  // namespace

Prediction make_prediction(MergeScan& scan, const MergeScanOptions& options, const MergeWhatIf& what_if,
                           const std::vector<std::uint64_t>& max_page_sharing, std::size_t crossed) {
  Prediction prediction;
  prediction.page_bytes = kernel::page_size_bytes();
  prediction.what_if = what_if;
  prediction.frames_visible = scan.frames_visible();
  prediction.content_step = scan.content_step();
  for (const ScannedProcess& process : scan.processes()) {
    switch (process.state) {
      case ScanState::scanned:
        ++prediction.processes.scanned;
        break;
      case ScanState::not_permitted:
        ++prediction.processes.not_permitted;
        continue;
      case ScanState::vanished:
        ++prediction.processes.vanished;
        continue;
      case ScanState::nothing:
        continue;
    }
    prediction.places += process.places;
    prediction.swapped_pages += process.swapped_pages;
    prediction.unreadable_pages += process.unreadable_pages;
    prediction.volatile_pages += process.volatile_pages;
    prediction.huge_bytes += process.huge_bytes;
  }
  std::vector<PageRecord>& records = scan.records();
  prediction.read_pages = records.size();
  prediction.frames = scan.frames_found();
  if (options.sample < 1) {
    prediction.estimate = estimate_from_sample(records, scan.zero_hash(), options.sample, prediction.places,
                                               prediction.frames, what_if, prediction.page_bytes);
    return prediction;
  }
  const ContentGroups contents(records, scan.zero_hash());
  const ContentSummary& summary = contents.summary();
  prediction.zero_places = summary.zero_places;
  if (prediction.content_step > 1) {
    prediction.estimate = estimate_from_contents(summary, prediction.content_step, prediction.places, what_if,
                                                 prediction.page_bytes);
    return prediction;
  }
  prediction.frames = summary.frames;
  prediction.result = merge_result(summary, what_if, prediction.page_bytes);
  for (const std::uint64_t most : max_page_sharing) {
    const MergeWhatIf other{most, what_if.use_zero_pages};
    prediction.variants.push_back({other, merge_result(summary, other, prediction.page_bytes)});
  }
  const MergeWhatIf other{what_if.max_page_sharing, !what_if.use_zero_pages};
  prediction.variants.push_back({other, merge_result(summary, other, prediction.page_bytes)});
  add_processes(scan, contents, crossed, prediction);
  add_groups(scan, contents, prediction);
  return prediction;
}

}  // namespace isotach::memory
