#include "memory/ksm/page_hash.h"

#if defined(__x86_64__)
#include <xxh_x86dispatch.h>  // chooses AVX2 or AVX-512 where the processor has it: twice as fast
#else
#include <xxhash.h>
#endif

#include <vector>

namespace isotach::memory {

std::uint64_t page_hash(std::span<const char> page) {
#if defined(__x86_64__)
  return XXH3_64bits_dispatch(page.data(), page.size());
#else
  return XXH3_64bits(page.data(), page.size());
#endif
}

std::uint64_t zero_page_hash(std::size_t size) {
  return page_hash(std::vector<char>(size, '\0'));
}

}  // namespace isotach::memory
