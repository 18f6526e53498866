#include "kernel/slabinfo.h"

#include "kernel/key_value.h"

namespace isotach::kernel {
namespace {

bool take_into(std::string_view& line, std::uint64_t& target) {
  const auto number = take_unsigned(line);
  if (!number) return false;
  target = *number;
  return true;
}

}  // namespace

Result<void> parse_slabinfo(std::string_view text, std::vector<SlabCache>& caches) {
  const auto head = take_line(text);
  if (!head || !head->starts_with("slabinfo - version: 2.")) {
    caches.clear();
    return failure(ErrorKind::not_supported, "slabinfo has a format that is not known here");
  }
  std::size_t count = 0;
  while (auto line = take_line(text)) {
    const std::string_view name = take_word(*line);
    if (name.empty() || name.starts_with('#')) continue;
    if (count == caches.size()) caches.emplace_back();
    SlabCache& cache = caches[count];
    cache.name.assign(name);
    if (take_into(*line, cache.active_objects) && take_into(*line, cache.objects) &&
        take_into(*line, cache.object_size_bytes) && take_into(*line, cache.objects_per_slab) &&
        take_into(*line, cache.pages_per_slab))
      ++count;
  }
  caches.resize(count);
  return {};
}

SlabReader::SlabReader(const SystemRoot& root) : file_(root, "proc/slabinfo") {}

Result<void> SlabReader::read(std::vector<SlabCache>& caches) {
  const auto text = file_.read();
  if (!text) {
    caches.clear();
    Error error = text.error();
    if (error.kind == ErrorKind::not_permitted)
      error.remedy = "the kernel shows slabs to root only: run it with sudo";
    if (error.errno_value == ENOENT) error.remedy = "this kernel was built without CONFIG_SLUB_DEBUG";
    return tl::make_unexpected(std::move(error));
  }
  return parse_slabinfo(*text, caches);
}

}  // namespace isotach::kernel
