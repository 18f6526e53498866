#include "instrument/summary.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace isotach::instrument {

void AccessCounts::add(const AccessCounts& other) {
  reads += other.reads;
  writes += other.writes;
  read_bytes += other.read_bytes;
  written_bytes += other.written_bytes;
}

TimeSlice& TraceSummary::slice_at(std::int64_t time_ns) {
  // Where there would be too many slices, two become one, and all are twice as long.
  while (static_cast<std::size_t>(time_ns / slice_ns_) >= kMostSlices) {
    for (std::size_t i = 0; i < slices_.size(); i += 2) {
      TimeSlice joined = std::move(slices_[i]);
      if (i + 1 < slices_.size()) {
        for (const auto& [page, counts] : slices_[i + 1].pages) joined.pages[page].add(counts);
        joined.instructions += slices_[i + 1].instructions;
      }
      slices_[i / 2] = std::move(joined);
    }
    slices_.resize((slices_.size() + 1) / 2);
    slice_ns_ *= 2;
  }
  const auto index = static_cast<std::size_t>(time_ns / slice_ns_);
  if (index >= slices_.size()) slices_.resize(index + 1);
  return slices_[index];
}

void TraceSummary::executed(const TraceProgram& program, std::uint32_t, std::uint32_t first,
                            std::uint32_t count, std::int64_t time_ns) {
  if (by_instruction_.size() < program.instructions.size())
    by_instruction_.resize(program.instructions.size());
  for (std::uint32_t i = first; i < first + count; ++i) ++by_instruction_[i].instructions;
  instructions_ += count;
  slice_at(time_ns).instructions += count;
}

void TraceSummary::count_page(std::uint64_t page, const AccessCounts& counts, std::int64_t time_ns) {
  const auto known = pages_.find(page);
  if (known == pages_.end() && pages_.size() >= kMostPages) {
    not_followed_ += counts.accesses();
    return;
  }
  (known == pages_.end() ? pages_[page] : known->second).add(counts);
  slice_at(time_ns).pages[page].add(counts);
}

std::size_t TraceSummary::entries() const {
  std::size_t count = pages_.size();
  for (const TimeSlice& slice : slices_) count += slice.pages.size();
  return count;
}

void TraceSummary::access(const TraceProgram& program, const TraceAccess& access) {
  if (by_instruction_.size() < program.instructions.size())
    by_instruction_.resize(program.instructions.size());
  by_instruction_[access.instruction].data.add(access);
  total_.add(access);
  if (!access.readable) ++unreadable_;
  AccessCounts counts;
  counts.add(access);
  const std::uint64_t first = access.address / kPageBytes;
  const std::uint64_t last = (access.address + (access.size == 0 ? 0 : access.size - 1u)) / kPageBytes;
  if (first == last || last < first) {
    count_page(first, counts, access.time_ns);
    return;
  }
  // One access, but bytes of more than one page.
  for (std::uint64_t page = first; page <= last; ++page) {
    const std::uint64_t low = std::max(access.address, page * kPageBytes);
    const std::uint64_t high = std::min(access.address + access.size, (page + 1) * kPageBytes);
    AccessCounts part = counts;
    (access.written ? part.written_bytes : part.read_bytes) = high - low;
    count_page(page, part, access.time_ns);
  }
}

namespace {

void sort_busiest(std::vector<NamedUse>& all) {
  std::sort(all.begin(), all.end(), [](const NamedUse& a, const NamedUse& b) {
    return std::tuple(b.use.instructions, b.use.data.bytes(), a.name) <
           std::tuple(a.use.instructions, a.use.data.bytes(), b.name);
  });
}

}  // namespace

std::vector<NamedUse> TraceSummary::routines(const TraceProgram& program) const {
  // Code without a routine counts for its section.
  std::map<std::pair<std::uint32_t, std::string>, CodeUse> uses;
  for (std::size_t i = 1; i < by_instruction_.size(); ++i) {
    const CodeUse& use = by_instruction_[i];
    if (use.instructions == 0 && use.data.accesses() == 0) continue;
    const TraceInstruction& instruction = program.instructions[i];
    CodeUse& sum = uses[{instruction.image, std::string(program.routine_name(instruction))}];
    sum.instructions += use.instructions;
    sum.data.add(use.data);
  }
  std::vector<NamedUse> result;
  for (const auto& [key, use] : uses)
    result.push_back({key.second, std::string(program.image_name(key.first)), use, 0});
  sort_busiest(result);
  return result;
}

std::vector<NamedUse> TraceSummary::images(const TraceProgram& program) const {
  std::map<std::uint32_t, CodeUse> uses;
  for (std::size_t i = 1; i < by_instruction_.size(); ++i) {
    const CodeUse& use = by_instruction_[i];
    if (use.instructions == 0 && use.data.accesses() == 0) continue;
    CodeUse& sum = uses[program.instructions[i].image];
    sum.instructions += use.instructions;
    sum.data.add(use.data);
  }
  std::vector<NamedUse> result;
  for (const auto& [image, use] : uses)
    result.push_back({image == 0 ? std::string("code of no image") : program.images[image].name, {}, use, 0});
  sort_busiest(result);
  return result;
}

std::string region_name(const TraceProgram& program, std::uint64_t address) {
  for (std::size_t i = program.images.size(); i-- > 1;)
    if (address >= program.images[i].low && address < program.images[i].high)
      return std::string(program.image_name(static_cast<std::uint32_t>(i)));
  // The latest list counts: it is at the end.
  for (std::size_t i = program.regions.size(); i-- > 0;) {
    const TraceRegion& region = program.regions[i];
    if (address < region.low || address >= region.high) continue;
    return region.name.empty() ? "anonymous memory" : region.name;
  }
  return "anonymous memory";
}

std::vector<NamedUse> TraceSummary::regions(const TraceProgram& program) const {
  std::map<std::string, NamedUse> uses;
  for (const auto& [page, counts] : pages_) {
    NamedUse& use = uses[region_name(program, page * kPageBytes)];
    use.use.data.add(counts);
    ++use.pages;
  }
  std::vector<NamedUse> result;
  for (auto& [name, use] : uses) {
    use.name = name;
    result.push_back(std::move(use));
  }
  sort_busiest(result);
  return result;
}

std::vector<PageUse> TraceSummary::busiest_pages(const TraceProgram& program, std::size_t count) const {
  std::vector<PageUse> result;
  result.reserve(pages_.size());
  for (const auto& [page, counts] : pages_) result.push_back({page, {}, counts});
  count = std::min(count, result.size());
  std::partial_sort(result.begin(), result.begin() + static_cast<std::ptrdiff_t>(count), result.end(),
                    [](const PageUse& a, const PageUse& b) {
                      return std::tuple(b.counts.bytes(), a.page) < std::tuple(a.counts.bytes(), b.page);
                    });
  result.resize(count);
  for (PageUse& one : result) one.region = region_name(program, one.page * kPageBytes);
  return result;
}

std::vector<TouchedRange> TraceSummary::touched(const TraceProgram& program, std::uint64_t gap_pages) const {
  std::vector<std::uint64_t> pages;
  pages.reserve(pages_.size());
  for (const auto& [page, counts] : pages_) pages.push_back(page);
  std::sort(pages.begin(), pages.end());
  std::vector<TouchedRange> result;
  for (const std::uint64_t page : pages) {
    const std::uint64_t low = page * kPageBytes;
    std::string name = region_name(program, low);
    if (!result.empty() && low - result.back().high <= gap_pages * kPageBytes && result.back().region == name)
      result.back().high = low + kPageBytes;
    else
      result.push_back({low, low + kPageBytes, std::move(name)});
  }
  return result;
}

}  // namespace isotach::instrument
