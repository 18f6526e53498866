// What lies behind the stubs of a unit and goes with it: what cache/unit.h says of its code.
#include "engine/emit/emitter.h"

namespace isotach::dbi {

template <typename T>
T* Emitter::write_table(const std::vector<T>& entries) {
  if (entries.empty()) return nullptr;
  while (cold_.address() % alignof(T) != 0) cold_.byte(0xcc);
  auto* const table = reinterpret_cast<T*>(cold_.at());
  cold_.copy(reinterpret_cast<const uint8_t*>(entries.data()), entries.size() * sizeof(T));
  return table;
}

void Emitter::write_tables() {
  unit_.map_count = static_cast<uint32_t>(map_.size());
  unit_.map = write_table(map_);
  unit_.shared_count_count = static_cast<uint32_t>(shared_counts_.size());
  unit_.shared_counts = write_table(shared_counts_);
  if (borrowed_.empty() && record_groups_.empty() && blocks_.empty()) return;
  const uint16_t* pc_offsets = write_table(record_pcs_);
  for (RecordGroup& group : record_groups_) {
    group.pc_offsets = pc_offsets;
    pc_offsets += group.records;
  }
  const UnitExtras extras{static_cast<uint32_t>(borrowed_.size()),
                          static_cast<uint32_t>(record_groups_.size()),
                          static_cast<uint32_t>(blocks_.size()),
                          static_cast<uint32_t>(tool_code_.size()),
                          write_table(borrowed_),
                          write_table(record_groups_),
                          write_table(blocks_),
                          write_table(tool_code_)};
  unit_.extras = write_table(std::vector{extras});
}

}  // namespace isotach::dbi
