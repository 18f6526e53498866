#include "kernel/tracefs.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace isotach::kernel {
namespace {

constexpr const char* kRemedy = "run it as root (CAP_SYS_ADMIN)";

}  // namespace

Result<Tracefs> Tracefs::open() {
  const Fd context(::fsopen("tracefs", FSOPEN_CLOEXEC));
  if (!context.is_open()) {
    const int failed = errno;
    if (failed == ENODEV)
      return failure(ErrorKind::not_supported, "this kernel has no tracefs (CONFIG_TRACING)");
    return system_failure(failed, "open tracefs", failed == EPERM ? kRemedy : "");
  }
  if (::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
    return system_failure(errno, "make ready tracefs", kRemedy);
  Fd folder(::fsmount(context.get(), FSMOUNT_CLOEXEC, 0));
  if (!folder.is_open()) return system_failure(errno, "mount tracefs", kRemedy);
  return Tracefs(std::move(folder));
}

bool Tracefs::has(const std::string& path) const {
  return ::faccessat(folder_.get(), path.c_str(), F_OK, 0) == 0;
}

Result<void> Tracefs::make_instance(const std::string& name) const {
  const std::string path = "instances/" + name;
  if (::mkdirat(folder_.get(), path.c_str(), 0700) == 0) return {};
  return system_failure(errno, "make " + path + " in tracefs");
}

Result<void> Tracefs::remove_instance(const std::string& name) const {
  const std::string path = "instances/" + name;
  if (::unlinkat(folder_.get(), path.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return {};
  return system_failure(errno, "remove " + path + " from tracefs");
}

Result<void> Tracefs::write(const std::string& path, std::string_view value) const {
  const Fd fd(::openat(folder_.get(), path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd.is_open()) return system_failure(errno, "open " + path + " in tracefs");
  if (::write(fd.get(), value.data(), value.size()) == static_cast<ssize_t>(value.size())) return {};
  return system_failure(errno, "write " + std::string(value) + " to " + path + " in tracefs");
}

Result<Fd> Tracefs::open_for_reading(const std::string& path) const {
  Fd fd(::openat(folder_.get(), path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.is_open()) return system_failure(errno, "open " + path + " in tracefs");
  return fd;
}

}  // namespace isotach::kernel
