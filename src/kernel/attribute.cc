#include "kernel/attribute.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/fd.h"
#include "base/text.h"

namespace isotach::kernel {
namespace {

constexpr std::size_t kLimitBytes = 65536;

std::string remedy_of(int errno_value) {
  if (errno_value == EACCES || errno_value == EPERM) return "run it as root";
  if (errno_value == EROFS) return "this is read-only here, as in most containers: run it on the host";
  return {};
}

}  // namespace

Result<std::string> read_attribute(const std::string& path) {
  auto text = read_file(path, kLimitBytes);
  if (!text) return tl::make_unexpected(std::move(text.error()));
  const std::string_view value = trim(std::string_view(*text).substr(0, text->find('\n')));
  const std::size_t open = value.find('[');
  const std::size_t close = value.find(']');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open)
    return std::string(value);
  return std::string(value.substr(open + 1, close - open - 1));
}

Result<void> write_attribute(const std::string& path, std::string_view value) {
  const Fd fd(::open(path.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC));
  const std::string doing = "write " + std::string(value) + " to " + path;
  if (!fd.is_open()) {
    const int failed = errno;
    return system_failure(failed, doing, remedy_of(failed));
  }
  ssize_t written = -1;
  do {
    written = ::write(fd.get(), value.data(), value.size());
  } while (written < 0 && errno == EINTR);
  if (written == static_cast<ssize_t>(value.size())) return {};
  const int failed = written < 0 ? errno : EIO;
  return system_failure(failed, doing, remedy_of(failed));
}

}  // namespace isotach::kernel
