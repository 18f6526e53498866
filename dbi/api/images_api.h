// How the API hears of images and routines.
#pragma once

#include "engine/instrument/plan.h"

namespace isotach::dbi::api {

// Has the tool's callbacks for images and routines called. Once, before the program's first instruction and
// after the tool registered them; announces what is there: the main program, then its dynamic linker.
// `interpreter`: an address in it, 0 when there is none.
void start_images(uint64_t entry, uint64_t interpreter);
// The same when the program was running already.
void start_images_attached(uint64_t entry);
// The program ends: images are announced as unloaded.
void end_images();
// Memory was unmapped or mapped over.
void images_unmapped(uint64_t low, uint64_t high);

}  // namespace isotach::dbi::api
