// Which line of which source file an instruction was made of, by the image's DWARF or that of its separate
// debug file. libdw is loaded when the first line is asked for; a program whose tool never asks pays nothing.
//
// Thread rules: images().mutex() is held.
#pragma once

#include <cstdint>
#include <string>

#include "engine/loader/image.h"

namespace isotach::dbi {

struct SourceLine {
  std::string file;  // as the compiler was told, made absolute by its folder
  int32_t line = 0;
  int32_t column = 0;  // 0: not known
};

// False when there is no debug information for `address`, or no libdw.so.1 on this system.
[[nodiscard]] bool source_line(Image& image, uint64_t address, SourceLine& line);

// Whether there is any.
[[nodiscard]] bool has_source_lines(Image& image);

}  // namespace isotach::dbi
