#include "kernel/filesystem_kind.h"

#include <fmt/format.h>
#include <sys/statfs.h>

#include <cerrno>

namespace isotach::kernel {
namespace {

constexpr const char* kOnDisk =
    "give a path on a disk's file system (ext4, xfs, btrfs), such as /swapfile or /var/swapfile";

struct Known {
  std::uint64_t magic;
  const char* name;
  SwapFileMethod method;
  const char* why_not;
  const char* instead;
};

// The numbers are of statfs(2) and of linux/magic.h.
constexpr Known kKnown[] = {
    {0xef53, "ext4", SwapFileMethod::preallocate, "", ""},
    {0x58465342, "xfs", SwapFileMethod::preallocate, "", ""},
    {0x9123683e, "btrfs", SwapFileMethod::no_copy_on_write, "", ""},
    // f2fs must pin the file's blocks; those that were written are pinned by swapon itself.
    {0xf2f52010, "f2fs", SwapFileMethod::write, "", ""},
    {0x3153464a, "jfs", SwapFileMethod::write, "", ""},
    {0x01021994, "tmpfs", SwapFileMethod::impossible, "it lives in memory itself", kOnDisk},
    {0x858458f6, "ramfs", SwapFileMethod::impossible, "it lives in memory itself", kOnDisk},
    {0x794c7630, "overlay", SwapFileMethod::impossible, "its files have no blocks of their own",
     "give a path on the disk below it; in a container, make the file on the host or in a volume"},
    {0x6969, "nfs", SwapFileMethod::impossible,
     "swapping over the network can stop the machine when memory runs out", kOnDisk},
    {0xff534d42, "cifs", SwapFileMethod::impossible,
     "swapping over the network can stop the machine when memory runs out", kOnDisk},
    {0xfe534d42, "smb2", SwapFileMethod::impossible,
     "swapping over the network can stop the machine when memory runs out", kOnDisk},
    {0x01021997, "9p", SwapFileMethod::impossible, "its blocks are another machine's", kOnDisk},
    {0x65735546, "fuse", SwapFileMethod::impossible, "a program serves it, and may itself be swapped out",
     kOnDisk},
    {0x2fc12fc1, "zfs", SwapFileMethod::impossible, "it moves blocks when they are written",
     "make a volume: zfs create -V SIZE -b 4096 POOL/swap, then mkswap and swapon it"},
    {0xca451a4e, "bcachefs", SwapFileMethod::impossible, "it moves blocks when they are written", kOnDisk},
    {0x73717368, "squashfs", SwapFileMethod::impossible, "it cannot be written", kOnDisk},
    {0xe0f5e1e2, "erofs", SwapFileMethod::impossible, "it cannot be written", kOnDisk},
    {0x9660, "iso9660", SwapFileMethod::impossible, "it cannot be written", kOnDisk},
    {0x4d44, "vfat", SwapFileMethod::impossible,
     "it has no owners and modes: everyone could read what was in memory", kOnDisk},
    {0x2011bab0, "exfat", SwapFileMethod::impossible,
     "it has no owners and modes: everyone could read what was in memory", kOnDisk},
    {0x9fa0, "proc", SwapFileMethod::impossible, "it holds no files of ours", kOnDisk},
    {0x62656572, "sysfs", SwapFileMethod::impossible, "it holds no files of ours", kOnDisk},
    {0x27e0eb, "cgroup", SwapFileMethod::impossible, "it holds no files of ours", kOnDisk},
    {0x63677270, "cgroup2", SwapFileMethod::impossible, "it holds no files of ours", kOnDisk},
};

}  // namespace

FilesystemKind filesystem_kind(std::uint64_t magic) {
  for (const Known& known : kKnown)
    if (known.magic == magic) return {known.name, known.method, known.why_not, known.instead};
  return {fmt::format("{:#x}", magic), SwapFileMethod::write, {}, {}};
}

Result<FilesystemState> filesystem_of(const std::string& path) {
  struct statfs state {};
  if (::statfs(path.c_str(), &state) != 0) {
    const int failed = errno;
    return system_failure(failed, "look at the file system of " + path,
                          failed == ENOENT ? "make the folder first, or give another path" : "");
  }
  const auto block_bytes = static_cast<std::uint64_t>(state.f_bsize);
  // The type is signed on some machines: smb2's would be extended to 64 bits.
  return FilesystemState{filesystem_kind(static_cast<std::uint32_t>(state.f_type)),
                         block_bytes * state.f_blocks, block_bytes * state.f_bavail};
}

}  // namespace isotach::kernel
