#include "base/result.h"

#include <cstring>

namespace isotach {

std::string Error::message() const {
  if (errno_value == 0) return doing;
  return "cannot " + doing + ": " + std::strerror(errno_value);
}

Failure system_failure(int errno_value, std::string doing, std::string remedy) {
  ErrorKind kind = ErrorKind::failed;
  if (errno_value == EPERM || errno_value == EACCES) kind = ErrorKind::not_permitted;
  if (errno_value == ENOSYS || errno_value == EOPNOTSUPP) kind = ErrorKind::not_supported;
  return tl::make_unexpected(Error{kind, errno_value, std::move(doing), std::move(remedy)});
}

Failure failure(ErrorKind kind, std::string text, std::string remedy) {
  return tl::make_unexpected(Error{kind, 0, std::move(text), std::move(remedy)});
}

}  // namespace isotach
