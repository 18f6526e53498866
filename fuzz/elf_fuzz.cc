// ELF files as the engine reads the images of a program, and lines of /proc/PID/maps.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "engine/loader/images.h"
#include "engine/loader/process_maps.h"

namespace {

using namespace isotach::dbi;

void look_at_image(const std::uint8_t* data, std::size_t size) {
  Images all;
  all.symbols_wanted = true;
  const auto image = read_image(all, ElfReader::open(memory_source(data, size)), "[fuzz]", 0x10000, true);
  if (image == nullptr) return;
  CHECK(image->low < image->high);
  std::uint64_t end = 0;
  for (const Routine* const routine : image->routines()) {
    CHECK(routine->size > 0);
    CHECK(routine->section->holds(routine->address));
    // Sections may lie over each other in a damaged file; within one, routines do not.
    CHECK(routine->address >= end || routine->address == routine->section->address ||
          !routine->section->holds(end));
    end = routine->address + routine->size;
    CHECK(std::string_view(routine->name).size() <= size + 64);
  }
  for (const ImageSymbol& symbol : image->symbols()) CHECK(symbol.name[0] != '\0');
  static_cast<void>(image->routine_at(image->entry));
  static_cast<void>(image->routine_named("main"));
  static_cast<void>(image->build_id());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  look_at_image(data, size);
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const MapEntry& one : parse_maps(text)) CHECK(one.low < one.high);
  return 0;
}
