#include "kernel/swap_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>

#include "kernel/swap_devices.h"

namespace isotach::kernel {
namespace {

constexpr std::size_t kHeadBytes = 65536;  // the largest page
constexpr std::size_t kChunkBytes = std::size_t{1} << 20;
constexpr std::uint32_t kExtentsAtOnce = 128;
constexpr int kExtentRounds = 1 << 16;

std::string_view kind_of_file(mode_t mode) {
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISLNK(mode)) return "a symbolic link";
  if (S_ISBLK(mode) || S_ISCHR(mode)) return "a device";
  if (S_ISFIFO(mode)) return "a named pipe";
  return "a socket";
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// Of a file that is open; nothing where the file system cannot tell.
Result<std::optional<std::vector<FileExtent>>> extents_of(int fd, std::uint64_t size_bytes) {
  std::vector<FileExtent> extents;
  // The header is followed by the extents.
  alignas(fiemap) std::array<char, sizeof(fiemap) + kExtentsAtOnce * sizeof(fiemap_extent)> buffer{};
  std::uint64_t start = 0;
  for (int round = 0; round < kExtentRounds && start < size_bytes; ++round) {
    auto* map = reinterpret_cast<fiemap*>(buffer.data());
    buffer.fill('\0');
    map->fm_start = start;
    map->fm_length = size_bytes - start;
    map->fm_flags = FIEMAP_FLAG_SYNC;
    map->fm_extent_count = kExtentsAtOnce;
    if (::ioctl(fd, FS_IOC_FIEMAP, map) != 0) {
      if (errno == EOPNOTSUPP || errno == ENOTTY) return std::optional<std::vector<FileExtent>>();
      return system_failure(errno, "find out where the swap file lies on its disk");
    }
    if (map->fm_mapped_extents == 0) break;
    bool last = false;
    for (std::uint32_t i = 0; i < map->fm_mapped_extents; ++i) {
      const fiemap_extent& extent = map->fm_extents[i];
      extents.push_back({extent.fe_logical, extent.fe_length, extent.fe_flags});
      last = (extent.fe_flags & FIEMAP_EXTENT_LAST) != 0;
      start = extent.fe_logical + extent.fe_length;
    }
    if (last) break;
  }
  return std::optional(std::move(extents));
}

}  // namespace

std::optional<std::string> why_not_swappable(const std::vector<FileExtent>& extents,
                                             std::uint64_t size_bytes) {
  std::uint64_t covered = 0;
  for (const FileExtent& extent : extents) {
    if (extent.offset_bytes > covered) break;
    if (extent.flags & (FIEMAP_EXTENT_UNKNOWN | FIEMAP_EXTENT_DELALLOC))
      return fmt::format("the piece at {} is not on the disk yet", extent.offset_bytes);
    if (extent.flags & (FIEMAP_EXTENT_DATA_INLINE | FIEMAP_EXTENT_DATA_TAIL | FIEMAP_EXTENT_NOT_ALIGNED))
      return fmt::format("the piece at {} shares its block with something else", extent.offset_bytes);
    if (extent.flags & (FIEMAP_EXTENT_ENCODED | FIEMAP_EXTENT_DATA_ENCRYPTED))
      return fmt::format("the piece at {} is compressed or encrypted", extent.offset_bytes);
    if (extent.flags & FIEMAP_EXTENT_SHARED)
      return fmt::format("the piece at {} is shared with another file or a snapshot", extent.offset_bytes);
    const std::uint64_t end = extent.offset_bytes + extent.length_bytes;
    if (end < extent.offset_bytes) return "its extents make no sense";
    covered = std::max(covered, end);
  }
  if (covered < size_bytes) return fmt::format("there is a hole at {}", covered);
  return std::nullopt;
}

Result<bool> is_active_swap(const std::string& path) {
  std::vector<SwapDevice> devices;
  SwapDeviceReader reader{SystemRoot()};
  if (auto read = reader.read(devices); !read) return tl::make_unexpected(read.error());
  struct stat wanted {};
  const bool known = ::stat(path.c_str(), &wanted) == 0;
  return std::any_of(devices.begin(), devices.end(), [&](const SwapDevice& device) {
    if (device.path == path) return true;
    // The kernel tells the path without symbolic links. Two nodes may name one device.
    struct stat status {};
    if (!known || ::stat(device.path.c_str(), &status) != 0) return false;
    if (S_ISBLK(status.st_mode) && S_ISBLK(wanted.st_mode)) return status.st_rdev == wanted.st_rdev;
    return status.st_dev == wanted.st_dev && status.st_ino == wanted.st_ino;
  });
}

Result<std::string> absolute_swap_path(const std::string& path) {
  const std::string name = path.substr(path.rfind('/') + 1);
  if (name.empty() || name == "." || name == "..")
    return failure(ErrorKind::usage, "'" + path + "' names no file", "give the path of the swap file");
  std::array<char, PATH_MAX> buffer{};
  const std::string folder = folder_of(path);
  if (::realpath(folder.c_str(), buffer.data()) == nullptr)
    return system_failure(errno, "find the folder " + folder, "make it first: mkdir -p " + folder);
  const std::string real = buffer.data();
  return (real == "/" ? "" : real) + '/' + name;
}

Result<SwapPathState> look_at_swap_path(const std::string& path) {
  SwapPathState state;
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return state;
    return system_failure(errno, "look at " + path);
  }
  const auto active = is_active_swap(path);
  if (!active) return tl::make_unexpected(active.error());
  state.use = *active ? SwapPathUse::active_swap : SwapPathUse::other;
  state.size_bytes = static_cast<std::uint64_t>(status.st_size);
  if (!S_ISREG(status.st_mode)) {
    state.what = kind_of_file(status.st_mode);
    return state;
  }
  state.what = "a file that is no swap area";
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd.is_open()) return system_failure(errno, "open " + path);
  std::string head(kHeadBytes, '\0');
  const ssize_t got = ::pread(fd.get(), head.data(), head.size(), 0);
  if (got < 0) return system_failure(errno, "read " + path);
  head.resize(static_cast<std::size_t>(got));
  const SwapSignature signature = parse_swap_header(head, state.header);
  if (signature == SwapSignature::hibernated) {
    state.use = SwapPathUse::hibernated;
    state.what = "the memory of a machine that hibernates";
  }
  if (signature == SwapSignature::swap) {
    state.what = "a swap file";
    if (!*active) state.use = SwapPathUse::unused_swap_file;
  }
  return state;
}

Result<NewSwapFile> NewSwapFile::create(const std::string& folder, const FilesystemKind& kind) {
  Fd fd(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!fd.is_open()) {
    const int failed = errno;
    return system_failure(failed, "create a file in " + folder,
                          failed == EOPNOTSUPP ? "the " + kind.name +
                                                     " file system there cannot hold a file without a name: "
                                                     "give a path on ext4, xfs or btrfs"
                                               : "");
  }
  NewSwapFile file(std::move(fd));
  file.kind_ = kind;
  if (::fchmod(file.fd_.get(), 0600) != 0 || (::geteuid() == 0 && ::fchown(file.fd_.get(), 0, 0) != 0))
    return system_failure(errno, "make the swap file root's alone");
  if (kind.method == SwapFileMethod::no_copy_on_write) {
    // Only an empty file can be told so.
    int flags = 0;
    if (::ioctl(file.fd_.get(), FS_IOC_GETFLAGS, &flags) != 0)
      return system_failure(errno, "read the attributes of the swap file");
    flags |= FS_NOCOW_FL;
    if (::ioctl(file.fd_.get(), FS_IOC_SETFLAGS, &flags) != 0)
      return system_failure(errno, "switch off copying on write for the swap file (chattr +C)",
                            "make it in a subvolume that is mounted without compression");
  }
  struct stat status {};
  if (::fstat(file.fd_.get(), &status) != 0) return system_failure(errno, "look at the new swap file");
  file.device_ = status.st_dev;
  file.inode_ = status.st_ino;
  return file;
}

Result<void> NewSwapFile::allocate(std::uint64_t size_bytes,
                                   const std::function<bool(std::uint64_t)>& goes_on) {
  size_bytes_ = size_bytes;
  if (kind_.method != SwapFileMethod::write) {
    if (::fallocate(fd_.get(), 0, 0, static_cast<off_t>(size_bytes)) == 0) return {};
    const int failed = errno;
    if (failed != EOPNOTSUPP && failed != ENOSYS)
      return system_failure(failed, fmt::format("give the swap file its {} bytes", size_bytes),
                            failed == ENOSPC ? "make room on that disk, or give a smaller size" : "");
  }
  written_ = true;
  const std::string zeros(kChunkBytes, '\0');
  for (std::uint64_t done = 0; done < size_bytes;) {
    if (!goes_on(done)) return system_failure(ECANCELED, "write the swap file");
    const std::size_t piece =
        static_cast<std::size_t>(std::min<std::uint64_t>(kChunkBytes, size_bytes - done));
    const ssize_t wrote = ::pwrite(fd_.get(), zeros.data(), piece, static_cast<off_t>(done));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) {
      const int failed = errno;
      return system_failure(failed, "write the swap file",
                            failed == ENOSPC ? "make room on that disk, or give a smaller size" : "");
    }
    done += static_cast<std::uint64_t>(wrote);
  }
  return {};
}

Result<void> NewSwapFile::finish(const SwapHeader& header) {
  const std::string page = write_swap_header(header);
  for (std::size_t done = 0; done < page.size();) {
    const ssize_t wrote =
        ::pwrite(fd_.get(), page.data() + done, page.size() - done, static_cast<off_t>(done));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return system_failure(errno, "write the head of the swap file");
    done += static_cast<std::size_t>(wrote);
  }
  if (::fsync(fd_.get()) != 0) return system_failure(errno, "write the swap file to the disk");
  auto extents = extents_of(fd_.get(), size_bytes_);
  if (!extents) return tl::make_unexpected(std::move(extents.error()));
  std::optional<std::string> why_not;
  if (*extents) {
    why_not = why_not_swappable(**extents, size_bytes_);
  } else if (const off_t hole = ::lseek(fd_.get(), 0, SEEK_HOLE);
             written_ && hole >= 0 && static_cast<std::uint64_t>(hole) < size_bytes_) {
    why_not = fmt::format("there is a hole at {}", hole);
  }
  if (why_not)
    return failure(ErrorKind::failed, "swapon would refuse the file that was made: " + *why_not,
                   "give a path on another file system");
  return {};
}

Result<void> NewSwapFile::give_name(const std::string& path) {
  const std::string nameless = "/proc/self/fd/" + std::to_string(fd_.get());
  if (::linkat(AT_FDCWD, nameless.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) != 0)
    return system_failure(errno, "give the swap file its name: " + path);
  // So that the name outlives a power cut.
  const Fd folder(::open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.is_open()) static_cast<void>(::fsync(folder.get()));
  return {};
}

}  // namespace isotach::kernel
