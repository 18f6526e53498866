// An ELF image of the program: its place in memory, sections, symbols and routines.
//
// Sections are read when the image is found (five system calls, tens of microseconds); symbols and routines
// when somebody asks for one. Addresses are those of this process. Pointers and names stay valid until the
// engine ends, also after the image was unloaded.
//
// Thread rules: the translation lock is held, or `images().mutex()`.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/loader/elf_reader.h"

namespace isotach::dbi {

class Image;
class Images;

enum class ImageType : uint8_t {
  executable,         // dynamically linked main program, at a fixed place or not
  static_executable,  // without an interpreter
  shared_library,     // also the dynamic linker
  vdso,
  made_by_tool,  // IMG_CreateAt
};

// The numbers in the three structs below start with 1 and are never used again: they are the handles that
// the API gives to tools. 0 is none.
struct ImageSection {
  std::string_view name;
  int32_t number = 0;
  Image* image = nullptr;
  uint64_t address = 0;  // where it is in memory; 0 when it is not loaded
  uint64_t size = 0;
  uint32_t type = 0;   // SHT_...
  uint64_t flags = 0;  // SHF_...
  uint64_t file_offset = 0;

  [[nodiscard]] bool mapped() const { return address != 0; }
  [[nodiscard]] bool holds(uint64_t at) const { return at >= address && at - address < size; }
};

// A function, a PLT stub ("puts@plt"), or a stretch of code that no symbol covers, named after its section.
struct Routine {
  const char* name = "";
  uint64_t address = 0;
  uint64_t size = 0;
  int32_t number = 0;
  ImageSection* section = nullptr;
  bool artificial = false;           // made of no symbol
  bool dynamic = false;              // of the dynamic symbol table
  bool resolver = false;             // an IFUNC symbol: its code chooses the function
  bool announced = false;            // tools' routine callbacks were called
  std::vector<const char*> aliases;  // other names of the same address

  [[nodiscard]] bool holds(uint64_t at) const { return at >= address && at - address < size; }
};

struct ImageSymbol {
  const char* name = "";
  uint64_t value = 0;    // as in the file
  uint64_t address = 0;  // in memory
  uint64_t size = 0;
  int32_t number = 0;
  uint32_t index = 0;  // within its image
  bool dynamic = false;
  bool resolver = false;
};

class Image {
 public:
  Image(const Image&) = delete;
  Image& operator=(const Image&) = delete;

  int32_t number = 0;
  std::string name;  // path as the kernel gives it; "[vdso]"
  ImageType type = ImageType::shared_library;
  bool is_main = false;
  bool is_interpreter = false;  // the main program's dynamic linker
  bool loaded = true;
  uint64_t low = 0, high = 0;  // [low, high) of its loadable segments
  uint64_t load_offset = 0;    // what is added to addresses of the file
  uint64_t entry = 0;          // 0: has none
  struct Region {
    uint64_t low, high;
    uint32_t flags;  // PF_R, PF_W, PF_X
  };
  std::vector<Region> regions;  // loadable segments, in order of address

  [[nodiscard]] bool holds(uint64_t address) const;
  [[nodiscard]] std::string_view short_name() const;  // "libc.so.6"

  [[nodiscard]] std::vector<ImageSection>& sections() { return sections_; }
  [[nodiscard]] ImageSection* section_at(uint64_t address);
  // Of executable sections, in order of address. Without `symbols_wanted` there are none.
  [[nodiscard]] std::vector<Routine*>& routines();
  [[nodiscard]] Routine* routine_at(uint64_t address);
  // By any of its names.
  [[nodiscard]] Routine* routine_named(std::string_view name);
  // A routine of a tool's own: RTN_CreateAt. Nothing when there is one or it lies outside.
  [[nodiscard]] Routine* make_routine(uint64_t address, std::string_view name);
  // Functions and data, in order of address.
  [[nodiscard]] std::vector<ImageSymbol>& symbols();
  // GNU_PROPERTY_X86_FEATURE_1_...: what its code was built for.
  [[nodiscard]] uint32_t control_flow_features();
  [[nodiscard]] std::string build_id();
  // The file that holds its line numbers: itself, or a separate debug file.
  [[nodiscard]] std::string debug_file();

 private:
  friend class Images;
  friend std::unique_ptr<Image> read_image(Images&, std::unique_ptr<ElfReader>, std::string, uint64_t, bool);
  explicit Image(Images& owner) : owner_(owner) {}

  struct NamedAddress;
  void read_tables();
  void read_routines();
  void add_functions(const ElfSymbols& table, bool dynamic, std::vector<NamedAddress>& found);
  void add_stubs(const ElfSymbols& dynamic, std::vector<NamedAddress>& found);
  void add_routines(std::vector<NamedAddress>& found);
  Routine& add_routine(const NamedAddress& one, ImageSection& section);
  void add_gap(ImageSection& section, uint64_t from, uint64_t to);
  void add_nameless(ImageSection& section, uint64_t from, uint64_t to);
  [[nodiscard]] const char* keep(std::string text);

  Images& owner_;
  std::unique_ptr<ElfReader> elf_;
  std::vector<ImageSection> sections_;
  std::unique_ptr<ElfReader> debug_elf_;   // of a separate debug file, where it has symbols that `elf_` lacks
  std::vector<uint64_t> function_starts_;  // in memory, of functions with and without symbols
  ElfSymbols full_, dynamic_;              // they own the names
  std::vector<ImageSymbol> symbols_;
  std::vector<Routine*> routines_;
  std::vector<std::pair<std::string_view, Routine*>> by_name_;  // sorted; made at the second look
  std::vector<std::unique_ptr<std::string>> names_;
  std::string debug_file_;
  bool tables_read_ = false, symbols_made_ = false, routines_read_ = false, debug_file_looked_for_ = false;
  int lookups_ = 0;
};

// An image whose file address 0 lies at `load_offset`; nothing when it has no loadable segment.
[[nodiscard]] std::unique_ptr<Image> read_image(Images& owner, std::unique_ptr<ElfReader> elf,
                                                std::string name, uint64_t load_offset, bool is_main);

}  // namespace isotach::dbi
