#include "engine/loader/images.h"

#include <elf.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstring>

#include "engine/loader/process_maps.h"

namespace isotach::dbi {
namespace {

// Whether the memory at `address` begins with the header that `elf` has: a file may have been replaced since
// it was mapped, and names in /proc/self/maps are those of another mount namespace's view.
bool is_mapped_at(const ElfReader& elf, uint64_t address) {
  uint8_t header[64];
  return copy_memory(address, header, sizeof header) && std::memcmp(header, elf.header(), sizeof header) == 0;
}

// Where the file's address 0 lies, when `mapping` shows a piece of it.
bool load_offset_of(const ElfReader& elf, const MapEntry& mapping, uint64_t& load_offset) {
  constexpr uint64_t kPageMask = ~uint64_t{0xfff};
  for (const ElfSegment& one : elf.segments()) {
    if (one.type != PT_LOAD || one.file_size == 0) continue;
    const uint64_t from = one.offset & kPageMask, to = one.offset + one.file_size;
    if (mapping.offset < from || mapping.offset >= to) continue;
    // Two segments may share a page of the file: the one that is mapped as this mapping is.
    if (((one.flags & PF_X) != 0) != mapping.executable) continue;
    load_offset = mapping.low - (one.address - one.offset + mapping.offset);
    return true;
  }
  return false;
}

// Where the start of the file is mapped, which need not be the lowest segment's address.
uint64_t header_address(const ElfReader& elf, uint64_t load_offset) {
  for (const ElfSegment& one : elf.segments())
    if (one.type == PT_LOAD && one.offset == 0) return one.address + load_offset;
  return 0;
}

// From what is mapped of a file that cannot be opened any more: deleted, replaced, in another namespace.
std::unique_ptr<ElfReader> open_mapped(const MapEntry& mapping, uint64_t& load_offset) {
  std::vector<MappedPart> parts;
  for (const MapEntry& one : read_maps())
    if (one.name == mapping.name && one.inode == mapping.inode && one.readable && !one.writable)
      parts.push_back({one.offset, one.high - one.low, one.low});
  // The same file may be mapped more than once: keep what lies together with `mapping`.
  constexpr uint64_t kFarthest = uint64_t{1} << 31;
  const auto far = [&](const MappedPart& part) {
    const uint64_t here = mapping.low - mapping.offset, there = part.address - part.offset;
    return (here > there ? here - there : there - here) > kFarthest;
  };
  parts.erase(std::remove_if(parts.begin(), parts.end(), far), parts.end());
  uint64_t base = mapping.low - mapping.offset;
  for (const MappedPart& part : parts)
    if (part.offset == 0) base = part.address;
  auto elf = ElfReader::open(mapped_source(std::move(parts)), base);
  if (elf == nullptr || !load_offset_of(*elf, mapping, load_offset)) return nullptr;
  return elf;
}

std::unique_ptr<ElfReader> open_image(const MapEntry& mapping, uint64_t& load_offset) {
  auto elf = ElfReader::open(open_file_source(mapping.name));
  if (elf != nullptr && load_offset_of(*elf, mapping, load_offset)) {
    const uint64_t header = header_address(*elf, load_offset);
    if (header == 0 || is_mapped_at(*elf, header)) return elf;
  }
  return open_mapped(mapping, load_offset);
}

std::string without_deleted(std::string name) {
  constexpr std::string_view kDeleted = " (deleted)";
  if (name.size() > kDeleted.size() &&
      name.compare(name.size() - kDeleted.size(), kDeleted.size(), kDeleted) == 0)
    name.resize(name.size() - kDeleted.size());
  return name;
}

}  // namespace

void Images::start(uint64_t entry, uint64_t interpreter) {
  const std::lock_guard lock(mutex_);
  static_cast<void>(at(entry));
  Image* const linker = interpreter == 0 ? nullptr : at(interpreter);
  if (linker != nullptr && !linker->is_main) linker->is_interpreter = true;
}

void Images::start_attached(uint64_t entry) {
  const std::lock_guard lock(mutex_);
  if (entry != 0) static_cast<void>(at(entry));
  for (const MapEntry& one : read_maps())
    if (one.executable && (one.inode != 0 || one.name == "[vdso]")) static_cast<void>(at(one.low));
}

Image* Images::find(uint64_t address) {
  if (last_ != nullptr && last_->holds(address)) return last_;
  const auto after = by_high_.upper_bound(address);
  if (after == by_high_.end() || !after->second->holds(address)) return nullptr;
  last_ = after->second;
  return last_;
}

Image* Images::at(uint64_t address) {
  const std::lock_guard lock(mutex_);
  if (Image* const known = find(address)) return known;
  const auto hole = holes_.upper_bound(address);
  if (hole != holes_.end() && hole->second <= address) return nullptr;
  return discover(address);
}

Image* Images::discover(uint64_t address) {
  auto mapping = map_entry_at(address);
  if (!mapping) return nullptr;
  std::unique_ptr<Image> image;
  uint64_t load_offset = 0;
  if (mapping->name == "[vdso]") {
    const void* const bytes = reinterpret_cast<const void*>(mapping->low);
    image = read_image(*this, ElfReader::open(memory_source(bytes, mapping->high - mapping->low)), "[vdso]",
                       mapping->low, false);
    if (image != nullptr) image->type = ImageType::vdso;
  } else if (mapping->inode != 0 && !mapping->name.empty() && mapping->name[0] == '/') {
    auto elf = open_image(*mapping, load_offset);
    image = read_image(*this, std::move(elf), without_deleted(mapping->name), load_offset, images_.empty());
  }
  if (image == nullptr || !image->holds(address)) {
    // Generated code, [vsyscall], data that is run: never asked about again until the mapping changes.
    holes_[mapping->high] = mapping->low;
    return nullptr;
  }
  return add(std::move(image));
}

// Gives it and its sections their numbers.
Image* Images::enter(std::unique_ptr<Image> image) {
  Image* const added = image.get();
  images_.push_back(std::move(image));
  added->number = static_cast<int32_t>(images_.size());
  for (ImageSection& one : added->sections()) {
    sections_.push_back(&one);
    one.number = static_cast<int32_t>(sections_.size());
  }
  return added;
}

Image* Images::add(std::unique_ptr<Image> image) {
  // Whatever was there has gone without our being told.
  forget(image->low, image->high);
  Image* const added = enter(std::move(image));
  by_high_[added->high] = added;
  last_ = added;
  if (on_load) on_load(*added);
  return added;
}

void Images::changed(uint64_t low, uint64_t high) {
  const std::lock_guard lock(mutex_);
  for (auto hole = holes_.upper_bound(low); hole != holes_.end() && hole->second < high;)
    hole = holes_.erase(hole);
}

void Images::forget(uint64_t low, uint64_t high) {
  const std::lock_guard lock(mutex_);
  changed(low, high);
  for (auto one = by_high_.upper_bound(low); one != by_high_.end();) {
    Image* const image = one->second;
    if (image->low >= high) break;
    // An image lives as long as its code; dynamic linkers unmap the gaps between segments of one they load.
    const bool hits_code =
        std::any_of(image->regions.begin(), image->regions.end(), [&](const Image::Region& region) {
          return (region.flags & PF_X) != 0 && region.low < high && low < region.high;
        });
    if (!hits_code) {
      ++one;
      continue;
    }
    if (on_unload) on_unload(*image);
    image->loaded = false;
    one = by_high_.erase(one);
    last_ = nullptr;
  }
}

void Images::end() {
  const std::lock_guard lock(mutex_);
  for (const auto& image : images_) {
    if (!image->loaded) continue;
    if (on_unload) on_unload(*image);
    image->loaded = false;
  }
  // Addresses are still told: tools ask for names when they write their results, behind this.
}

Image* Images::image(int32_t number) {
  if (number <= 0 || static_cast<size_t>(number) > images_.size()) return nullptr;
  return images_[static_cast<size_t>(number) - 1].get();
}

ImageSection* Images::section(int32_t number) {
  if (number <= 0 || static_cast<size_t>(number) > sections_.size()) return nullptr;
  return sections_[static_cast<size_t>(number) - 1];
}

Routine* Images::routine(int32_t number) {
  if (number <= 0 || static_cast<size_t>(number) > routines_.size()) return nullptr;
  return &routines_[static_cast<size_t>(number) - 1];
}

ImageSymbol* Images::symbol(int32_t number) {
  const auto after = std::upper_bound(symbol_blocks_.begin(), symbol_blocks_.end(), number,
                                      [](int32_t a, const auto& b) { return a < b.first; });
  if (number <= 0 || after == symbol_blocks_.begin()) return nullptr;
  const auto& [first, image] = *(after - 1);
  const auto index = static_cast<size_t>(number - first);
  return index < image->symbols().size() ? &image->symbols()[index] : nullptr;
}

Image* Images::main_image() {
  for (const auto& image : images_)
    if (image->is_main) return image.get();
  return nullptr;
}

Routine* Images::routine_at(uint64_t address) {
  const std::lock_guard lock(mutex_);
  Image* const image = find(address);
  return image == nullptr ? nullptr : image->routine_at(address);
}

Image* Images::open_file(const std::string& path) {
  const std::lock_guard lock(mutex_);
  auto image = read_image(*this, ElfReader::open(open_file_source(path)), path, 0, false);
  if (image == nullptr) return nullptr;
  image->loaded = false;
  return enter(std::move(image));
}

Image* Images::create(const std::string& name, uint64_t low, uint64_t size, uint64_t load_offset,
                      bool is_main) {
  const std::lock_guard lock(mutex_);
  if (size == 0 || size > ~low || find(low) != nullptr || find(low + size - 1) != nullptr) return nullptr;
  std::unique_ptr<Image> image(new Image(*this));
  image->name = name;
  image->type = ImageType::made_by_tool;
  image->is_main = is_main;
  image->low = low;
  image->high = low + size;
  image->load_offset = load_offset;
  image->regions.push_back({low, low + size, PF_R | PF_X});
  image->sections_.push_back({.name = ".text",
                              .image = image.get(),
                              .address = low,
                              .size = size,
                              .type = SHT_PROGBITS,
                              .flags = SHF_ALLOC | SHF_EXECINSTR});
  changed(low, low + size);
  return add(std::move(image));
}

Routine* Images::new_routine() {
  Routine& routine = routines_.emplace_back();
  routine.number = static_cast<int32_t>(routines_.size());
  return &routine;
}

int32_t Images::reserve_symbols(Image& image, size_t count) {
  const int32_t first = next_symbol_;
  if (count > static_cast<size_t>(INT_MAX - first)) return 0;
  symbol_blocks_.emplace_back(first, &image);
  next_symbol_ += static_cast<int32_t>(count);
  return first;
}

Images& images() {
  // Never destroyed: the program's threads may still run while the runtime's exit handlers do.
  static Images* const all = new Images;
  return *all;
}

}  // namespace isotach::dbi
