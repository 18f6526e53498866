// What a file system can hold a swap file, and how one must be made there (kernel: mm/swapfile.c and the
// swap_activate operation of each file system; btrfs(5), "SWAPFILE SUPPORT").
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace isotach::kernel {

enum class SwapFileMethod {
  preallocate,       // fallocate(2) gives blocks that swapon takes
  write,             // only blocks that were written are taken, or nobody knows better
  no_copy_on_write,  // btrfs: not copied on write, before there is any data; then fallocate
  impossible,
};

struct FilesystemKind {
  std::string name;  // "ext4"; "0x1234abcd" for one that is not known here
  SwapFileMethod method = SwapFileMethod::write;
  std::string why_not;  // for impossible: a clause, "it lives in memory itself"
  std::string instead;  // for impossible: what to do
};

// By the number in statfs(2). ext2, ext3 and ext4 share one; those that cannot preallocate say so.
[[nodiscard]] FilesystemKind filesystem_kind(std::uint64_t magic);

// Of the file system that holds `path`, which must exist.
struct FilesystemState {
  FilesystemKind kind;
  std::uint64_t size_bytes = 0;
  std::uint64_t free_bytes = 0;  // for those who have no privilege to take the reserve
};
[[nodiscard]] Result<FilesystemState> filesystem_of(const std::string& path);

}  // namespace isotach::kernel
