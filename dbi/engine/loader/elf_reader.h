// Reads ELF files of x86-64: headers at once, everything else when it is asked for. Whatever the file says is
// checked against its size; a damaged file yields what is whole in it, and nothing else.
//
// Source: System V ABI, chapters 4 and 5; its AMD64 supplement; LSB for GNU_HASH and notes.
// Thread rules: none of its own; callers serialise.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/loader/byte_source.h"

namespace isotach::dbi {

struct ElfSegment {
  uint32_t type = 0, flags = 0;
  uint64_t offset = 0, address = 0, file_size = 0, memory_size = 0;
};

struct ElfSection {
  std::string_view name;  // lives as long as the reader
  uint32_t type = 0;
  uint64_t flags = 0, address = 0, offset = 0, size = 0, entry_size = 0;
  uint32_t link = 0, info = 0;
};

struct ElfSymbol {
  uint64_t value = 0, size = 0;
  uint32_t name = 0;  // into SymbolTable::names
  uint16_t section = 0;
  uint8_t type = 0, binding = 0;
};

// A symbol table with its names. Every name ends within `names`.
struct ElfSymbols {
  std::vector<ElfSymbol> symbols;
  std::vector<char> names;

  [[nodiscard]] const char* name(const ElfSymbol& symbol) const { return names.data() + symbol.name; }
};

// A slot of the global offset table that is filled with the address of a symbol.
struct ElfSlot {
  uint64_t address = 0;
  uint32_t symbol = 0;  // number in the dynamic symbol table
};

class ElfReader {
 public:
  // Nothing when it is no ELF file for x86-64 that can run or be loaded. `memory_base`: where its address 0
  // lies, when it is read from memory in which a dynamic linker may have been at work.
  [[nodiscard]] static std::unique_ptr<ElfReader> open(std::unique_ptr<ByteSource> source,
                                                       uint64_t memory_base = 0);

  [[nodiscard]] uint16_t type() const { return type_; }  // ET_EXEC, ET_DYN
  [[nodiscard]] uint64_t entry() const { return entry_; }
  [[nodiscard]] const std::vector<ElfSegment>& segments() const { return segments_; }
  [[nodiscard]] bool has_interpreter() const;
  [[nodiscard]] bool has_dynamic() const;
  // The loadable segments' lowest and highest address + 1; {0, 0} when there are none.
  [[nodiscard]] std::pair<uint64_t, uint64_t> extent() const;
  // The first 64 bytes: to tell whether memory holds this file.
  [[nodiscard]] const uint8_t* header() const { return header_; }

  // No more is read for a while.
  void rest() const { source_->rest(); }

  // In the order of the file, without the empty first one; empty when the file has none (or they were not
  // loaded, where it is read from memory).
  [[nodiscard]] const std::vector<ElfSection>& sections();
  [[nodiscard]] const ElfSection* section(std::string_view name);
  [[nodiscard]] std::vector<uint8_t> content(const ElfSection& section) const;

  // .symtab; empty when the file was stripped of it.
  [[nodiscard]] ElfSymbols full_symbols();
  // .dynsym, found by its section or, without sections, by PT_DYNAMIC.
  [[nodiscard]] ElfSymbols dynamic_symbols();
  // Slots of JUMP_SLOT and GLOB_DAT relocations, in order of address.
  [[nodiscard]] std::vector<ElfSlot> slots();

  // Where functions begin as the table of their unwinding says, in order: stripped programs have it too.
  // Empty when there is none, or it is written in a form that linkers do not use.
  [[nodiscard]] std::vector<uint64_t> function_starts() const;

  [[nodiscard]] std::string build_id() const;  // lower-case hexadecimal; empty when there is none
  // GNU_PROPERTY_X86_FEATURE_1_AND: indirect branch tracking, shadow stacks.
  [[nodiscard]] uint32_t control_flow_features() const;
  // Name and CRC-32 of .gnu_debuglink; the name is empty when there is none.
  [[nodiscard]] std::pair<std::string, uint32_t> debug_link();

 private:
  explicit ElfReader(std::unique_ptr<ByteSource> source) : source_(std::move(source)) {}
  [[nodiscard]] bool read_headers();
  void read_sections();
  [[nodiscard]] ElfSymbols symbols_of(uint64_t offset, uint64_t size, uint64_t names_offset,
                                      uint64_t names_size) const;
  [[nodiscard]] ElfSymbols symbols_of(uint32_t section_type);
  [[nodiscard]] uint64_t offset_of(uint64_t address) const;  // of the file; kNowhere when it is not in it
  [[nodiscard]] uint64_t dynamic_value(int64_t tag) const;
  [[nodiscard]] uint64_t dynamic_symbol_count() const;
  void add_slots(uint64_t offset, uint64_t size, std::vector<ElfSlot>& slots) const;

  static constexpr uint64_t kNowhere = ~0ull;

  std::unique_ptr<ByteSource> source_;
  uint64_t memory_base_ = 0;
  uint8_t header_[64] = {};
  uint16_t type_ = 0;
  uint64_t entry_ = 0;
  std::vector<ElfSegment> segments_;
  bool sections_read_ = false;
  std::vector<ElfSection> sections_;
  std::vector<char> section_names_;
};

// The file with the symbols and lines that were split off from the one at `path`: by build id below
// `debug_root` (/usr/lib/debug), else by the name of its .gnu_debuglink beside it, in .debug/ and below
// `debug_root`. Nothing where there is none, or it belongs to another build.
[[nodiscard]] std::string find_debug_file(ElfReader& elf, const std::string& path,
                                          const std::string& debug_root = "/usr/lib/debug");

}  // namespace isotach::dbi
