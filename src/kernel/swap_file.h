// Making a file that can be swapped to: without holes, for its owner alone, with the head of a swap area.
//
// The file has no name until all that is done: whatever ends us before leaves nothing behind.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "kernel/filesystem_kind.h"
#include "kernel/swap_area.h"

namespace isotach::kernel {

// What is at the path where a swap file shall be.
enum class SwapPathUse {
  nothing,
  unused_swap_file,  // may be made anew
  active_swap,
  hibernated,  // see SwapSignature
  other,       // a file of somebody's, a folder, a device, a symbolic link: `what` says it
};
struct SwapPathState {
  SwapPathUse use = SwapPathUse::nothing;
  std::string what;  // "a folder", "a file that is no swap area"
  std::uint64_t size_bytes = 0;
  SwapHeader header;  // of a swap area
};
[[nodiscard]] Result<SwapPathState> look_at_swap_path(const std::string& path);

// Whether the kernel swaps to this file or device now.
[[nodiscard]] Result<bool> is_active_swap(const std::string& path);

// The path without symbolic links in its folders, which is how the kernel will name it. The folder must
// exist, the file need not.
[[nodiscard]] Result<std::string> absolute_swap_path(const std::string& path);

class NewSwapFile {
 public:
  // Without a name, in `folder`. Not copied on write where the file system must be told so.
  [[nodiscard]] static Result<NewSwapFile> create(const std::string& folder, const FilesystemKind& kind);

  [[nodiscard]] dev_t device() const { return device_; }
  [[nodiscard]] ino_t inode() const { return inode_; }

  // Gives it blocks for `size_bytes`, by fallocate() or by writing zeros. `goes_on` is asked from time to
  // time, with the bytes done; false ends it with ECANCELED.
  [[nodiscard]] Result<void> allocate(std::uint64_t size_bytes,
                                      const std::function<bool(std::uint64_t)>& goes_on);
  // Writes the head, waits until all of it is on the disk, and makes sure that there is no hole.
  [[nodiscard]] Result<void> finish(const SwapHeader& header);
  // Fails with EEXIST where something has that name.
  [[nodiscard]] Result<void> give_name(const std::string& path);
  [[nodiscard]] bool was_written() const { return written_; }

 private:
  explicit NewSwapFile(Fd fd) : fd_(std::move(fd)) {}

  Fd fd_;
  FilesystemKind kind_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
  std::uint64_t size_bytes_ = 0;
  bool written_ = false;  // and not preallocated
};

// A piece of a file on the disk, as FIEMAP tells it.
struct FileExtent {
  std::uint64_t offset_bytes = 0;
  std::uint64_t length_bytes = 0;
  std::uint32_t flags = 0;  // FIEMAP_EXTENT_*
};
// Why swapon would refuse a file of `size_bytes` with these extents, in order of their offsets; nothing
// when it would not. "there is a hole at 4096"
[[nodiscard]] std::optional<std::string> why_not_swappable(const std::vector<FileExtent>& extents,
                                                           std::uint64_t size_bytes);

}  // namespace isotach::kernel
