// The program's images: found when the first of their instructions is about to be translated, dropped when
// their memory is unmapped. This needs no hook in the program's dynamic linker, and also sees what programs
// map by themselves.
//
//   images().start(...)             before the first instruction: main program and its interpreter
//   images().at(address)            by the instrumenter, for the first instruction of every trace: cheap when
//                                   the address is in a known image or a known hole; may announce an image
//   images().forget(low, high)      before munmap, mmap over, mremap away: may announce an unloading
//   images().find(address)          looks only at what is known
//
// Thread rules: as image.h; announcements are made with the mutex held, on the calling thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/loader/image.h"
#include "engine/loader/recursive_lock.h"

namespace isotach::dbi {

class Images {
 public:
  using Observer = std::function<void(Image&)>;

  // Tools' callbacks. Set before start().
  Observer on_load, on_unload;
  // PIN_InitSymbols was called: routines and symbols are made. Without it images have sections only.
  bool symbols_wanted = false;

  // Finds the main program (an address in it: its entry) and then its interpreter, of which `interpreter` is
  // an address, 0 when there is none; announces them in this order. At attach: all images that are mapped
  // and executable, in order of address, the main program first.
  void start(uint64_t entry, uint64_t interpreter);
  void start_attached(uint64_t entry);

  [[nodiscard]] Image* at(uint64_t address);
  [[nodiscard]] Image* find(uint64_t address);
  // New executable mappings were made there (mmap, mprotect): holes that were known may be none any more.
  void changed(uint64_t low, uint64_t high);
  void forget(uint64_t low, uint64_t high);
  // All images are announced as unloaded when the program ends, as Pin does.
  void end();

  // In order of appearance; unloaded ones stay, with `loaded` false.
  [[nodiscard]] std::deque<std::unique_ptr<Image>>& all() { return images_; }
  // By handle; nothing for 0 and numbers never given.
  [[nodiscard]] Image* image(int32_t number);
  [[nodiscard]] ImageSection* section(int32_t number);
  [[nodiscard]] Routine* routine(int32_t number);
  [[nodiscard]] ImageSymbol* symbol(int32_t number);
  [[nodiscard]] Image* main_image();
  // The routine that holds `address`, wherever; nothing without symbols.
  [[nodiscard]] Routine* routine_at(uint64_t address);

  // A file that is no part of the program: IMG_Open. Nothing when it is no ELF file.
  [[nodiscard]] Image* open_file(const std::string& path);

  // Code that a tool says is one: IMG_CreateAt. Nothing when an image is there.
  [[nodiscard]] Image* create(const std::string& name, uint64_t low, uint64_t size, uint64_t load_offset,
                              bool is_main);

  [[nodiscard]] RecursiveLock& mutex() { return mutex_; }

  // For Image only.
  [[nodiscard]] Routine* new_routine();
  [[nodiscard]] int32_t reserve_symbols(Image& image, size_t count);

 private:
  Image* discover(uint64_t address);
  Image* add(std::unique_ptr<Image> image);
  Image* enter(std::unique_ptr<Image> image);

  RecursiveLock mutex_;
  std::deque<std::unique_ptr<Image>> images_;
  std::map<uint64_t, Image*> by_high_;  // loaded ones, by their last address + 1
  Image* last_ = nullptr;               // found last
  std::map<uint64_t, uint64_t> holes_;  // by their end: start of code that belongs to no image
  std::vector<ImageSection*> sections_;
  std::deque<Routine> routines_;
  std::vector<std::pair<int32_t, Image*>> symbol_blocks_;  // first number of each image's symbols
  int32_t next_symbol_ = 1;
};

// The one of this process.
[[nodiscard]] Images& images();

}  // namespace isotach::dbi
