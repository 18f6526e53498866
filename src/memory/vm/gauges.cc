#include "memory/vm/gauges.h"

namespace isotach::memory {
namespace {

using kernel::MemoryField;
using kernel::MemoryReading;

// 0 where the part is the larger one: the two were not read at the same instant.
Cell difference(const Cell& whole, const Cell& part) {
  if (whole.is_missing()) return whole;
  if (part.is_missing()) return part;
  return Cell::of(whole.amount > part.amount ? whole.amount - part.amount : 0);
}

Cell field(const MemoryReading& memory, MemoryField which) {
  return Cell::from(memory[which]);
}

}  // namespace

Cell swap_used_kib(const MemoryReading& memory) {
  return difference(field(memory, MemoryField::swap_total), field(memory, MemoryField::swap_free));
}

Cell cache_kib(const MemoryReading& memory) {
  const Cell cached = field(memory, MemoryField::cached);
  if (cached.is_missing()) return cached;
  return Cell::of(saturating_sum(cached.amount, memory.number(MemoryField::slab_reclaimable)));
}

Cell buffers_and_cache_kib(const MemoryReading& memory) {
  const Cell buffers = field(memory, MemoryField::buffers);
  const Cell cache = cache_kib(memory);
  if (buffers.is_missing()) return buffers;
  if (cache.is_missing()) return cache;
  return Cell::of(saturating_sum(buffers.amount, cache.amount));
}

Cell available_kib(const MemoryReading& memory) {
  const Cell available = field(memory, MemoryField::available);
  const Cell total = field(memory, MemoryField::total);
  if (!available.is_missing() && !total.is_missing() && available.amount > total.amount)
    return field(memory, MemoryField::free);
  return available;
}

Cell used_kib(const MemoryReading& memory) {
  const Cell available = available_kib(memory);
  return difference(field(memory, MemoryField::total),
                    available.is_missing() ? field(memory, MemoryField::free) : available);
}

}  // namespace isotach::memory
