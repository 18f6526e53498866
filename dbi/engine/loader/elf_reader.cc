#include "engine/loader/elf_reader.h"

#include <elf.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace isotach::dbi {
namespace {

// More than any real file has; what is beyond is left out.
constexpr size_t kMostSegments = 4096;
constexpr size_t kMostSections = 1 << 18;
constexpr uint64_t kMostSymbols = 1 << 24;
constexpr uint64_t kMostNameBytes = 1ull << 31;
constexpr size_t kMostDynamicTags = 4096;

template <class T>
T read_as(const uint8_t* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

}  // namespace

std::unique_ptr<ElfReader> ElfReader::open(std::unique_ptr<ByteSource> source, uint64_t memory_base) {
  if (source == nullptr) return nullptr;
  std::unique_ptr<ElfReader> reader(new ElfReader(std::move(source)));
  reader->memory_base_ = memory_base;
  if (!reader->read_headers()) return nullptr;
  return reader;
}

bool ElfReader::read_headers() {
  if (!source_->read(0, header_, sizeof header_)) return false;
  const auto header = read_as<Elf64_Ehdr>(header_);
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64 ||
      header.e_ident[EI_DATA] != ELFDATA2LSB || header.e_machine != EM_X86_64)
    return false;
  if (header.e_type != ET_EXEC && header.e_type != ET_DYN) return false;
  type_ = header.e_type;
  entry_ = header.e_entry;
  if (header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phnum == 0) return header.e_phnum == 0;
  const size_t count = std::min<size_t>(header.e_phnum, kMostSegments);
  const std::vector<uint8_t> bytes = source_->bytes(header.e_phoff, count * sizeof(Elf64_Phdr));
  if (bytes.empty()) return false;
  for (size_t i = 0; i < count; ++i) {
    const auto one = read_as<Elf64_Phdr>(bytes.data() + i * sizeof(Elf64_Phdr));
    segments_.push_back({.type = one.p_type,
                         .flags = one.p_flags,
                         .offset = one.p_offset,
                         .address = one.p_vaddr,
                         .file_size = one.p_filesz,
                         .memory_size = one.p_memsz});
  }
  return true;
}

bool ElfReader::has_interpreter() const {
  return std::any_of(segments_.begin(), segments_.end(),
                     [](const ElfSegment& one) { return one.type == PT_INTERP; });
}

bool ElfReader::has_dynamic() const {
  return std::any_of(segments_.begin(), segments_.end(),
                     [](const ElfSegment& one) { return one.type == PT_DYNAMIC; });
}

std::pair<uint64_t, uint64_t> ElfReader::extent() const {
  uint64_t low = ~0ull, high = 0;
  for (const ElfSegment& one : segments_) {
    // A segment that would wrap around, or reach into the kernel's half, is no segment.
    if (one.type != PT_LOAD || one.memory_size > (1ull << 47) || one.address > (1ull << 47)) continue;
    low = std::min(low, one.address);
    high = std::max(high, one.address + one.memory_size);
  }
  return low < high ? std::pair{low, high} : std::pair<uint64_t, uint64_t>{0, 0};
}

const std::vector<ElfSection>& ElfReader::sections() {
  if (!sections_read_) {
    sections_read_ = true;
    read_sections();
  }
  return sections_;
}

void ElfReader::read_sections() {
  const auto header = read_as<Elf64_Ehdr>(header_);
  if (header.e_shoff == 0 || header.e_shentsize != sizeof(Elf64_Shdr)) return;
  size_t count = header.e_shnum;
  size_t names_index = header.e_shstrndx;
  uint8_t first_bytes[sizeof(Elf64_Shdr)];
  if (!source_->read(header.e_shoff, first_bytes, sizeof first_bytes)) return;
  const auto first = read_as<Elf64_Shdr>(first_bytes);
  if (count == 0) count = first.sh_size;  // more than 65279 sections
  if (names_index == SHN_XINDEX) names_index = first.sh_link;
  count = std::min(count, kMostSections);
  const std::vector<uint8_t> bytes = source_->bytes(header.e_shoff, count * sizeof(Elf64_Shdr));
  if (bytes.empty()) return;
  const auto header_at = [&](size_t i) { return read_as<Elf64_Shdr>(bytes.data() + i * sizeof(Elf64_Shdr)); };
  if (names_index < count) {
    const auto names = header_at(names_index);
    // Before memory is asked for: sizes come from outside.
    if (names.sh_type == SHT_STRTAB && names.sh_size <= std::min(kMostNameBytes, source_->size())) {
      section_names_.resize(names.sh_size + 1);
      if (!source_->read(names.sh_offset, section_names_.data(), names.sh_size))
        section_names_.assign(1, '\0');
      section_names_.back() = '\0';
    }
  }
  sections_.reserve(count);
  for (size_t i = 1; i < count; ++i) {
    const auto one = header_at(i);
    ElfSection section{.name = {},
                       .type = one.sh_type,
                       .flags = one.sh_flags,
                       .address = one.sh_addr,
                       .offset = one.sh_offset,
                       .size = one.sh_size,
                       .entry_size = one.sh_entsize,
                       .link = one.sh_link,
                       .info = one.sh_info};
    if (one.sh_name < section_names_.size()) section.name = section_names_.data() + one.sh_name;
    sections_.push_back(section);
  }
}

const ElfSection* ElfReader::section(std::string_view name) {
  for (const ElfSection& one : sections())
    if (one.name == name) return &one;
  return nullptr;
}

std::vector<uint8_t> ElfReader::content(const ElfSection& section) const {
  if (section.type == SHT_NOBITS) return {};
  return source_->bytes(section.offset, section.size);
}

ElfSymbols ElfReader::symbols_of(uint64_t offset, uint64_t size, uint64_t names_offset,
                                 uint64_t names_size) const {
  ElfSymbols result;
  if (names_size > kMostNameBytes || names_size > source_->size() || names_size == 0) return result;
  const uint64_t count = std::min(size / sizeof(Elf64_Sym), kMostSymbols);
  const std::vector<uint8_t> bytes = source_->bytes(offset, count * sizeof(Elf64_Sym));
  if (bytes.empty()) return result;
  result.names.resize(names_size + 1);
  if (!source_->read(names_offset, result.names.data(), names_size)) return {};
  result.names.back() = '\0';
  result.symbols.resize(count);
  for (size_t i = 0; i < count; ++i) {
    const auto one = read_as<Elf64_Sym>(bytes.data() + i * sizeof(Elf64_Sym));
    result.symbols[i] = {.value = one.st_value,
                         .size = one.st_size,
                         .name = one.st_name <= names_size ? one.st_name : static_cast<uint32_t>(names_size),
                         .section = one.st_shndx,
                         .type = static_cast<uint8_t>(ELF64_ST_TYPE(one.st_info)),
                         .binding = static_cast<uint8_t>(ELF64_ST_BIND(one.st_info))};
  }
  return result;
}

ElfSymbols ElfReader::symbols_of(uint32_t section_type) {
  for (const ElfSection& one : sections()) {
    if (one.type != section_type) continue;
    // The number of a section counts the empty first one, which `sections_` lacks.
    if (one.link == 0 || one.link > sections_.size()) continue;
    const ElfSection& names = sections_[one.link - 1];
    if (names.type != SHT_STRTAB) continue;
    return symbols_of(one.offset, one.size, names.offset, names.size);
  }
  return {};
}

ElfSymbols ElfReader::full_symbols() {
  return symbols_of(SHT_SYMTAB);
}

ElfSymbols ElfReader::dynamic_symbols() {
  ElfSymbols result = symbols_of(SHT_DYNSYM);
  if (!result.symbols.empty()) return result;
  const uint64_t symbols = offset_of(dynamic_value(DT_SYMTAB));
  const uint64_t names = offset_of(dynamic_value(DT_STRTAB));
  const uint64_t names_size = dynamic_value(DT_STRSZ);
  if (symbols == kNowhere || names == kNowhere || names_size == kNowhere) return {};
  return symbols_of(symbols, dynamic_symbol_count() * sizeof(Elf64_Sym), names, names_size);
}

uint64_t ElfReader::offset_of(uint64_t address) const {
  if (address == kNowhere) return kNowhere;
  for (const ElfSegment& one : segments_)
    if (one.type == PT_LOAD && address >= one.address && address - one.address < one.file_size)
      return one.offset + (address - one.address);
  return kNowhere;
}

uint64_t ElfReader::dynamic_value(int64_t tag) const {
  for (const ElfSegment& one : segments_) {
    if (one.type != PT_DYNAMIC) continue;
    for (size_t i = 0; i < std::min<size_t>(one.file_size / sizeof(Elf64_Dyn), kMostDynamicTags); ++i) {
      Elf64_Dyn entry;
      if (!source_->read(one.offset + i * sizeof entry, &entry, sizeof entry) || entry.d_tag == DT_NULL)
        return kNowhere;
      if (entry.d_tag != tag) continue;
      // Some dynamic linkers make addresses of memory of these.
      const auto [low, high] = extent();
      const uint64_t value = entry.d_un.d_val;
      const bool is_address = tag == DT_SYMTAB || tag == DT_STRTAB || tag == DT_HASH || tag == DT_GNU_HASH ||
                              tag == DT_JMPREL || tag == DT_RELA;
      if (is_address && high > low && value >= high && value >= memory_base_) return value - memory_base_;
      return value;
    }
  }
  return kNowhere;
}

uint64_t ElfReader::dynamic_symbol_count() const {
  if (const uint64_t hash = offset_of(dynamic_value(DT_HASH)); hash != kNowhere) {
    uint32_t counts[2] = {};
    if (source_->read(hash, counts, sizeof counts)) return counts[1];
  }
  const uint64_t hash = offset_of(dynamic_value(DT_GNU_HASH));
  uint32_t head[4] = {};
  if (hash == kNowhere || !source_->read(hash, head, sizeof head)) return 0;
  const uint64_t buckets_at = hash + sizeof head + uint64_t{head[2]} * 8;
  const std::vector<uint8_t> buckets = source_->bytes(buckets_at, uint64_t{head[0]} * 4);
  uint32_t last = 0;
  for (size_t i = 0; i + 4 <= buckets.size(); i += 4)
    last = std::max(last, read_as<uint32_t>(buckets.data() + i));
  if (last < head[1]) return head[1];
  // The chain of the last bucket ends with an odd word.
  const uint64_t chains_at = buckets_at + buckets.size();
  for (uint64_t i = last; i < kMostSymbols; ++i) {
    uint32_t word = 0;
    if (!source_->read(chains_at + (i - head[1]) * 4, &word, sizeof word)) return 0;
    if ((word & 1) != 0) return i + 1;
  }
  return 0;
}

void ElfReader::add_slots(uint64_t offset, uint64_t size, std::vector<ElfSlot>& slots) const {
  const std::vector<uint8_t> bytes =
      source_->bytes(offset, std::min(size, kMostSymbols * sizeof(Elf64_Rela)));
  for (size_t i = 0; i + sizeof(Elf64_Rela) <= bytes.size(); i += sizeof(Elf64_Rela)) {
    const auto one = read_as<Elf64_Rela>(bytes.data() + i);
    const auto type = ELF64_R_TYPE(one.r_info);
    if (type == R_X86_64_JUMP_SLOT || type == R_X86_64_GLOB_DAT)
      slots.push_back({one.r_offset, static_cast<uint32_t>(ELF64_R_SYM(one.r_info))});
  }
}

std::vector<ElfSlot> ElfReader::slots() {
  std::vector<ElfSlot> result;
  bool found = false;
  for (const ElfSection& one : sections()) {
    if (one.type != SHT_RELA || (one.flags & SHF_ALLOC) == 0) continue;
    add_slots(one.offset, one.size, result);
    found = true;
  }
  if (!found) {
    for (const auto& [table, bytes] : {std::pair{DT_JMPREL, DT_PLTRELSZ}, std::pair{DT_RELA, DT_RELASZ}}) {
      const uint64_t offset = offset_of(dynamic_value(table));
      const uint64_t size = dynamic_value(bytes);
      if (offset != kNowhere && size != kNowhere) add_slots(offset, size, result);
    }
  }
  std::sort(result.begin(), result.end(),
            [](const ElfSlot& a, const ElfSlot& b) { return a.address < b.address; });
  return result;
}

// LSB, "The .eh_frame_hdr section": version, three encodings, address of .eh_frame, number of entries, then
// pairs of function and description, relative to the section, in order of function.
std::vector<uint64_t> ElfReader::function_starts() const {
  constexpr uint8_t kRelative4 = 0x1b, kUnsigned4 = 0x03, kTable4 = 0x3b;
  constexpr size_t kHeadBytes = 12;
  constexpr uint32_t kMostEntries = 1 << 22;
  for (const ElfSegment& segment : segments_) {
    if (segment.type != PT_GNU_EH_FRAME) continue;
    uint8_t head[kHeadBytes];
    if (segment.file_size < sizeof head || !source_->read(segment.offset, head, sizeof head)) continue;
    if (head[0] != 1 || head[1] != kRelative4 || head[2] != kUnsigned4 || head[3] != kTable4) continue;
    const auto count = read_as<uint32_t>(head + 8);
    if (count > kMostEntries || uint64_t{count} * 8 > segment.file_size - sizeof head) continue;
    const std::vector<uint8_t> table = source_->bytes(segment.offset + sizeof head, uint64_t{count} * 8);
    std::vector<uint64_t> starts;
    starts.reserve(count);
    for (size_t i = 0; i + 8 <= table.size(); i += 8)
      starts.push_back(segment.address + static_cast<uint64_t>(int64_t{read_as<int32_t>(table.data() + i)}));
    std::sort(starts.begin(), starts.end());
    return starts;
  }
  return {};
}

std::string ElfReader::build_id() const {
  constexpr uint64_t kMostNoteBytes = 4096;
  constexpr char kDigits[] = "0123456789abcdef";
  for (const ElfSegment& segment : segments_) {
    if (segment.type != PT_NOTE) continue;
    const std::vector<uint8_t> notes =
        source_->bytes(segment.offset, std::min(segment.file_size, kMostNoteBytes));
    for (size_t at = 0; at + sizeof(Elf64_Nhdr) <= notes.size();) {
      const auto note = read_as<Elf64_Nhdr>(notes.data() + at);
      at += sizeof note;
      const uint64_t name_size = (uint64_t{note.n_namesz} + 3) & ~3ull;
      const uint64_t text_size = (uint64_t{note.n_descsz} + 3) & ~3ull;
      if (name_size > notes.size() - at || text_size > notes.size() - at - name_size) break;
      if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
          std::memcmp(notes.data() + at, "GNU", 4) == 0) {
        std::string text;
        for (size_t i = 0; i < note.n_descsz; ++i) {
          const uint8_t byte = notes[at + name_size + i];
          text += kDigits[byte >> 4];
          text += kDigits[byte & 15];
        }
        return text;
      }
      at += name_size + text_size;
    }
  }
  return {};
}

uint32_t ElfReader::control_flow_features() const {
  constexpr uint64_t kMostBytes = 4096;
  constexpr size_t kHeadBytes = sizeof(Elf64_Nhdr) + 4;  // and "GNU"
  for (const ElfSegment& segment : segments_) {
    if (segment.type != PT_GNU_PROPERTY) continue;
    const std::vector<uint8_t> note = source_->bytes(segment.offset, std::min(segment.file_size, kMostBytes));
    // Properties: type, size, data padded to 8 bytes.
    for (size_t at = kHeadBytes; at + 12 <= note.size();) {
      const auto type = read_as<uint32_t>(note.data() + at);
      const auto size = read_as<uint32_t>(note.data() + at + 4);
      if (type == GNU_PROPERTY_X86_FEATURE_1_AND && size == 4) return read_as<uint32_t>(note.data() + at + 8);
      at += 8 + ((uint64_t{size} + 7) & ~7ull);
    }
  }
  return 0;
}

std::pair<std::string, uint32_t> ElfReader::debug_link() {
  const ElfSection* const link = section(".gnu_debuglink");
  if (link == nullptr || link->size > 4096) return {};
  const std::vector<uint8_t> bytes = content(*link);
  const auto end = std::find(bytes.begin(), bytes.end(), uint8_t{0});
  const size_t length = static_cast<size_t>(end - bytes.begin());
  const size_t crc_at = (length + 4) & ~size_t{3};
  if (end == bytes.end() || crc_at + 4 > bytes.size()) return {};
  return {std::string(bytes.begin(), end), read_as<uint32_t>(bytes.data() + crc_at)};
}

namespace {

// CRC-32 of IEEE 802.3, as .gnu_debuglink uses it.
bool has_crc(const std::string& path, uint32_t wanted) {
  static const std::array<uint32_t, 256> kTable = [] {
    std::array<uint32_t, 256> table{};
    for (uint32_t i = 0; i < table.size(); ++i) {
      uint32_t value = i;
      for (int bit = 0; bit < 8; ++bit) value = (value & 1) != 0 ? (value >> 1) ^ 0xedb88320u : value >> 1;
      table[i] = value;
    }
    return table;
  }();
  const auto source = open_file_source(path);
  if (source == nullptr) return false;
  uint32_t crc = ~0u;
  std::vector<uint8_t> block(1 << 16);
  for (uint64_t at = 0; at < source->size();) {
    const size_t size = static_cast<size_t>(std::min<uint64_t>(block.size(), source->size() - at));
    if (!source->read(at, block.data(), size)) return false;
    for (size_t i = 0; i < size; ++i) crc = kTable[(crc ^ block[i]) & 0xff] ^ (crc >> 8);
    at += size;
  }
  return ~crc == wanted;
}

}  // namespace

std::string find_debug_file(ElfReader& elf, const std::string& path, const std::string& debug_root) {
  const std::string id = elf.build_id();
  if (id.size() > 2) {
    std::string file = debug_root + "/.build-id/" + id.substr(0, 2) + "/" + id.substr(2) + ".debug";
    const auto reader = ElfReader::open(open_file_source(file));
    if (reader != nullptr && reader->build_id() == id) return file;
  }
  const auto [name, crc] = elf.debug_link();
  if (name.empty() || name.find('/') != std::string::npos) return {};
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash);
  for (const std::string& file :
       {folder + "/" + name, folder + "/.debug/" + name, debug_root + folder + "/" + name})
    if (file != path && has_crc(file, crc)) return file;
  return {};
}

}  // namespace isotach::dbi
