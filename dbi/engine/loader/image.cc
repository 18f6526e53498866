#include "engine/loader/image.h"

#include <elf.h>

#include <algorithm>
#include <cstring>

#include "engine/loader/images.h"

namespace isotach::dbi {

std::unique_ptr<Image> read_image(Images& owner, std::unique_ptr<ElfReader> elf, std::string name,
                                  uint64_t load_offset, bool is_main) {
  if (elf == nullptr) return nullptr;
  const auto [low, high] = elf->extent();
  if (high == 0) return nullptr;
  std::unique_ptr<Image> image(new Image(owner));
  image->name = std::move(name);
  image->is_main = is_main;
  image->load_offset = load_offset;
  image->low = low + load_offset;
  image->high = high + load_offset;
  image->entry = elf->entry() == 0 ? 0 : elf->entry() + load_offset;
  const bool runs = is_main || elf->type() == ET_EXEC;
  image->type = !runs                    ? ImageType::shared_library
                : elf->has_interpreter() ? ImageType::executable
                                         : ImageType::static_executable;
  for (const ElfSegment& one : elf->segments())
    if (one.type == PT_LOAD && one.memory_size > 0)
      image->regions.push_back(
          {one.address + load_offset, one.address + load_offset + one.memory_size, one.flags});
  std::sort(image->regions.begin(), image->regions.end(),
            [](const Image::Region& a, const Image::Region& b) { return a.low < b.low; });
  for (const ElfSection& one : elf->sections()) {
    if (one.type == SHT_NULL) continue;
    const bool mapped = (one.flags & SHF_ALLOC) != 0 && one.address >= low && one.address <= high &&
                        one.size <= high - one.address;
    // .tbss takes no room: its address is that of what follows.
    const bool template_only = (one.flags & SHF_TLS) != 0 && one.type == SHT_NOBITS;
    image->sections_.push_back({.name = one.name,
                                .image = image.get(),
                                .address = mapped && !template_only ? one.address + load_offset : 0,
                                .size = one.size,
                                .type = one.type,
                                .flags = one.flags,
                                .file_offset = one.offset});
  }
  if (image->sections_.empty()) {
    // Stripped of its section headers, or seen only in memory: what is loaded stands for sections.
    for (const ElfSegment& one : elf->segments()) {
      if (one.type != PT_LOAD || one.memory_size == 0) continue;
      const bool code = (one.flags & PF_X) != 0, writable = (one.flags & PF_W) != 0;
      image->sections_.push_back({.name = code ? ".text" : (writable ? ".data" : ".rodata"),
                                  .image = image.get(),
                                  .address = one.address + load_offset,
                                  .size = one.memory_size,
                                  .type = SHT_PROGBITS,
                                  .flags = static_cast<uint64_t>(SHF_ALLOC | (code ? SHF_EXECINSTR : 0) |
                                                                 (writable ? SHF_WRITE : 0)),
                                  .file_offset = one.offset});
    }
  }
  image->elf_ = std::move(elf);
  image->elf_->rest();
  return image;
}

bool Image::holds(uint64_t address) const {
  return address >= low && address < high;
}

std::string_view Image::short_name() const {
  const size_t slash = name.rfind('/');
  return slash == std::string::npos ? std::string_view(name) : std::string_view(name).substr(slash + 1);
}

ImageSection* Image::section_at(uint64_t address) {
  for (ImageSection& one : sections_)
    if (one.mapped() && one.holds(address)) return &one;
  return nullptr;
}

const char* Image::keep(std::string text) {
  names_.push_back(std::make_unique<std::string>(std::move(text)));
  return names_.back()->c_str();
}

std::string Image::debug_file() {
  if (!debug_file_looked_for_ && elf_ != nullptr) {
    debug_file_looked_for_ = true;
    debug_file_ = elf_->section(".debug_line") != nullptr ? name : find_debug_file(*elf_, name);
    elf_->rest();
  }
  return debug_file_;
}

uint32_t Image::control_flow_features() {
  if (elf_ == nullptr) return 0;
  const uint32_t features = elf_->control_flow_features();
  elf_->rest();
  return features;
}

std::string Image::build_id() {
  if (elf_ == nullptr) return {};
  std::string id = elf_->build_id();
  elf_->rest();
  return id;
}

void Image::read_tables() {
  if (tables_read_) return;
  tables_read_ = true;
  if (elf_ == nullptr) return;
  full_ = elf_->full_symbols();
  dynamic_ = elf_->dynamic_symbols();
  elf_->rest();
  if (!full_.symbols.empty() || type == ImageType::vdso) return;
  const std::string separate = debug_file();
  if (separate.empty() || separate == name) return;
  debug_elf_ = ElfReader::open(open_file_source(separate));
  if (debug_elf_ == nullptr) return;
  full_ = debug_elf_->full_symbols();
  debug_elf_->rest();
}

struct Image::NamedAddress {
  uint64_t address = 0, size = 0;
  const char* name = "";
  uint8_t rank = 0;  // of several names of one address the lowest is the routine's
  bool dynamic = false, resolver = false;
};

namespace {

constexpr uint64_t kPadding = 16;  // functions begin at multiples of it

// "malloc" before "__libc_malloc", global names before weak and local ones.
uint8_t rank_of(const ElfSymbol& symbol, const char* name) {
  int rank = symbol.binding == STB_GLOBAL ? 0 : (symbol.binding == STB_WEAK ? 1 : 2);
  rank *= 4;
  for (int i = 0; i < 3 && name[i] == '_'; ++i) ++rank;
  if (symbol.type == STT_NOTYPE) rank += 16;
  // The full table may spell versions: "__libc_start_main@@GLIBC_2.34".
  if (std::strchr(name, '@') != nullptr) rank += 32;
  return static_cast<uint8_t>(rank);
}

bool is_defined(const ElfSymbol& symbol) {
  return symbol.section != SHN_UNDEF && symbol.section != SHN_ABS && symbol.section != SHN_COMMON;
}

}  // namespace

void Image::add_functions(const ElfSymbols& table, bool dynamic, std::vector<NamedAddress>& found) {
  for (const ElfSymbol& symbol : table.symbols) {
    const char* const symbol_name = table.name(symbol);
    if (!is_defined(symbol) || symbol_name[0] == '\0') continue;
    const bool function = symbol.type == STT_FUNC || symbol.type == STT_GNU_IFUNC;
    // Hand-written assembler forgets the type; its local labels are no functions.
    const bool label =
        symbol.type == STT_NOTYPE && (symbol.binding != STB_LOCAL || symbol.value + load_offset == entry);
    if (!function && !label) continue;
    found.push_back({.address = symbol.value + load_offset,
                     .size = symbol.size,
                     .name = symbol_name,
                     .rank = rank_of(symbol, symbol_name),
                     .dynamic = dynamic,
                     .resolver = symbol.type == STT_GNU_IFUNC});
  }
}

// A stub is a jump through a slot that a relocation fills with the address of a symbol, after an optional
// endbr64 and in old binaries a bnd prefix. Stubs have 16 bytes, in .plt.got 8 where there is no endbr64.
void Image::add_stubs(const ElfSymbols& dynamic, std::vector<NamedAddress>& found) {
  std::vector<ElfSlot> slots;
  for (const ElfSection& section : elf_->sections()) {
    if (section.name.substr(0, 4) != ".plt" || (section.flags & SHF_EXECINSTR) == 0) continue;
    if (slots.empty()) slots = elf_->slots();
    const std::vector<uint8_t> code = elf_->content(section);
    const size_t stub_size = section.entry_size == 8 ? 8 : 16;
    for (size_t at = 0; at + 6 <= code.size(); at += stub_size) {
      size_t jump = at;
      if (jump + 4 < code.size() && code[jump] == 0xf3 && code[jump + 1] == 0x0f && code[jump + 2] == 0x1e)
        jump += 4;
      if (jump < code.size() && code[jump] == 0xf2) ++jump;
      if (jump + 6 > code.size() || code[jump] != 0xff || code[jump + 1] != 0x25) continue;
      const uint32_t displacement = uint32_t{code[jump + 2]} | uint32_t{code[jump + 3]} << 8 |
                                    uint32_t{code[jump + 4]} << 16 | uint32_t{code[jump + 5]} << 24;
      const uint64_t slot =
          section.address + jump + 6 + static_cast<uint64_t>(static_cast<int32_t>(displacement));
      const auto match = std::lower_bound(slots.begin(), slots.end(), slot,
                                          [](const ElfSlot& a, uint64_t b) { return a.address < b; });
      if (match == slots.end() || match->address != slot || match->symbol >= dynamic.symbols.size()) continue;
      const char* const target = dynamic.name(dynamic.symbols[match->symbol]);
      if (target[0] == '\0') continue;
      found.push_back({.address = section.address + at + load_offset,
                       .size = stub_size,
                       .name = keep(std::string(target) + "@plt"),
                       .rank = 3});
    }
  }
}

Routine& Image::add_routine(const NamedAddress& one, ImageSection& section) {
  Routine& routine = *owner_.new_routine();
  routine.name = one.name;
  routine.address = one.address;
  routine.size = one.size;
  routine.section = &section;
  routine.dynamic = one.dynamic;
  routine.resolver = one.resolver;
  routines_.push_back(&routine);
  return routine;
}

// What no symbol covers, unless it is only the padding between two functions.
void Image::add_gap(ImageSection& section, uint64_t from, uint64_t to) {
  if (from != section.address && ((from + kPadding - 1) & ~(kPadding - 1)) >= to) return;
  if (from >= to) return;
  // Functions that were stripped of their names are told apart by the table of their unwinding.
  auto next = std::upper_bound(function_starts_.begin(), function_starts_.end(), from);
  while (from < to) {
    uint64_t end = next == function_starts_.end() ? to : std::min(*next, to);
    if (entry > from && entry < end) end = entry;
    add_nameless(section, from, end);
    from = end;
    while (next != function_starts_.end() && *next <= from) ++next;
  }
}

void Image::add_nameless(ImageSection& section, uint64_t from, uint64_t to) {
  const char* const gap_name = from == entry ? "unnamedImageEntryPoint" : keep(std::string(section.name));
  add_routine({.address = from, .size = to - from, .name = gap_name}, section).artificial = true;
}

void Image::add_routines(std::vector<NamedAddress>& found) {
  std::stable_sort(found.begin(), found.end(), [](const NamedAddress& a, const NamedAddress& b) {
    return a.address != b.address ? a.address < b.address : a.rank < b.rank;
  });
  std::vector<ImageSection*> code;
  for (ImageSection& one : sections_)
    if (one.mapped() && (one.flags & SHF_EXECINSTR) != 0 && one.size > 0) code.push_back(&one);
  std::sort(code.begin(), code.end(),
            [](const ImageSection* a, const ImageSection* b) { return a->address < b->address; });
  size_t next = 0;
  for (ImageSection* const section : code) {
    const uint64_t end = section->address + section->size;
    uint64_t at = section->address;
    while (next < found.size() && found[next].address < section->address) ++next;
    while (next < found.size() && found[next].address < end) {
      NamedAddress one = found[next];
      size_t after = next + 1;
      while (after < found.size() && found[after].address == one.address) {
        if (one.size == 0) one.size = found[after].size;
        ++after;
      }
      const uint64_t limit = after < found.size() ? std::min(found[after].address, end) : end;
      if (one.size == 0 || one.size > limit - one.address) one.size = limit - one.address;
      add_gap(*section, at, one.address);
      Routine& routine = add_routine(one, *section);
      for (size_t i = next + 1; i < after; ++i) {
        routine.dynamic |= found[i].dynamic;
        const std::string_view alias = found[i].name;
        if (alias != routine.name && std::none_of(routine.aliases.begin(), routine.aliases.end(),
                                                  [&](const char* known) { return alias == known; }))
          routine.aliases.push_back(found[i].name);
      }
      at = one.address + one.size;
      next = after;
    }
    add_gap(*section, at, end);
  }
}

void Image::read_routines() {
  if (routines_read_ || !owner_.symbols_wanted) return;
  routines_read_ = true;
  if (elf_ == nullptr) return;
  read_tables();
  for (const uint64_t start : elf_->function_starts())
    if (holds(start + load_offset)) function_starts_.push_back(start + load_offset);
  std::sort(function_starts_.begin(), function_starts_.end());
  std::vector<NamedAddress> found;
  found.reserve(full_.symbols.size() + dynamic_.symbols.size());
  add_functions(full_, false, found);
  add_functions(dynamic_, true, found);
  add_stubs(dynamic_, found);
  add_routines(found);
  elf_->rest();
}

std::vector<Routine*>& Image::routines() {
  read_routines();
  return routines_;
}

Routine* Image::routine_at(uint64_t address) {
  const std::vector<Routine*>& all = routines();
  auto after = std::upper_bound(all.begin(), all.end(), address,
                                [](uint64_t a, const Routine* b) { return a < b->address; });
  if (after == all.begin()) return nullptr;
  Routine* const routine = *--after;
  return routine->holds(address) ? routine : nullptr;
}

Routine* Image::routine_named(std::string_view wanted) {
  const std::vector<Routine*>& all = routines();
  // Most tools look for a handful of names in each image: an index would cost more than it saves.
  constexpr int kLooksWithoutIndex = 3;
  if (++lookups_ <= kLooksWithoutIndex) {
    for (Routine* const one : all) {
      if (one->name == wanted) return one;
      for (const char* const alias : one->aliases)
        if (alias == wanted) return one;
    }
    return nullptr;
  }
  if (by_name_.empty()) {
    for (Routine* const one : all) {
      by_name_.emplace_back(one->name, one);
      for (const char* const alias : one->aliases) by_name_.emplace_back(alias, one);
    }
    std::stable_sort(by_name_.begin(), by_name_.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
  }
  const auto match = std::lower_bound(by_name_.begin(), by_name_.end(), wanted,
                                      [](const auto& a, std::string_view b) { return a.first < b; });
  return match != by_name_.end() && match->first == wanted ? match->second : nullptr;
}

Routine* Image::make_routine(uint64_t address, std::string_view wanted) {
  ImageSection* const section = section_at(address);
  if (section == nullptr) return nullptr;
  const std::vector<Routine*>& all = routines();
  const auto after = std::lower_bound(all.begin(), all.end(), address,
                                      [](const Routine* a, uint64_t b) { return a->address < b; });
  if (after != all.end() && (*after)->address == address) return nullptr;
  uint64_t end = section->address + section->size;
  if (after != all.end()) end = std::min(end, (*after)->address);
  if (after != all.begin()) {
    Routine& before = **(after - 1);
    if (before.holds(address)) before.size = address - before.address;
  }
  const auto place = after - all.begin();
  Routine& routine =
      add_routine({.address = address, .size = end - address, .name = keep(std::string(wanted))}, *section);
  std::rotate(routines_.begin() + place, routines_.end() - 1, routines_.end());
  routine.artificial = true;
  by_name_.clear();
  return &routine;
}

std::vector<ImageSymbol>& Image::symbols() {
  if (symbols_made_ || !owner_.symbols_wanted) return symbols_;
  symbols_made_ = true;
  read_tables();
  const auto add = [&](const ElfSymbols& table, bool dynamic) {
    for (const ElfSymbol& symbol : table.symbols) {
      const char* const symbol_name = table.name(symbol);
      const bool usual = symbol.type == STT_FUNC || symbol.type == STT_OBJECT ||
                         symbol.type == STT_GNU_IFUNC || symbol.type == STT_NOTYPE;
      if (!usual || !is_defined(symbol) || symbol_name[0] == '\0') continue;
      symbols_.push_back({.name = symbol_name,
                          .value = symbol.value,
                          .address = symbol.value + load_offset,
                          .size = symbol.size,
                          .dynamic = dynamic,
                          .resolver = symbol.type == STT_GNU_IFUNC});
    }
  };
  add(dynamic_, true);
  add(full_, false);
  std::stable_sort(symbols_.begin(), symbols_.end(), [](const ImageSymbol& a, const ImageSymbol& b) {
    if (a.address != b.address) return a.address < b.address;
    return std::string_view(a.name) < b.name;
  });
  // What is in both tables is one symbol.
  const auto same = [](const ImageSymbol& a, const ImageSymbol& b) {
    return a.address == b.address && std::string_view(a.name) == b.name;
  };
  symbols_.erase(std::unique(symbols_.begin(), symbols_.end(), same), symbols_.end());
  int32_t symbol_number = owner_.reserve_symbols(*this, symbols_.size());
  for (size_t i = 0; i < symbols_.size(); ++i) {
    symbols_[i].number = symbol_number++;
    symbols_[i].index = static_cast<uint32_t>(i);
  }
  return symbols_;
}

}  // namespace isotach::dbi
