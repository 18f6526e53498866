// Result<T>: a value, or an Error that says what failed and what the user can do about it.
//
// Functions that may fail for a reason outside the program return Result<T> and are [[nodiscard]].
// Lower layers fill in `doing`; only command/main prints. Broken invariants use CHECK (base/check.h).
#pragma once

#include <cerrno>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace isotach {

// Why something failed, as far as the exit code is concerned (docs/guide: "Exit codes").
enum class ErrorKind {
  failed,         // exit 1: the measurement failed
  usage,          // exit 2: the command line asks for something impossible
  not_permitted,  // exit 4: a capability or permission is missing
  not_supported,  // exit 5: this kernel or build lacks it
};

struct Error {
  ErrorKind kind = ErrorKind::failed;
  int errno_value = 0;  // what the kernel said; 0 when the kernel was not asked
  std::string doing;    // "open /proc/meminfo"; a whole sentence when errno_value is 0
  std::string remedy;   // what to type next; may be empty

  // One line without the remedy: "cannot open /proc/meminfo: Permission denied".
  [[nodiscard]] std::string message() const;
};

template <class T>
using Result = tl::expected<T, Error>;

using Failure = tl::unexpected<Error>;

// A failure that the kernel reported. EPERM and EACCES become not_permitted, ENOSYS and EOPNOTSUPP
// not_supported. Pass errno before anything else can overwrite it.
[[nodiscard]] Failure system_failure(int errno_value, std::string doing, std::string remedy = {});

// A failure in words of our own; `text` is a full sentence without final stop.
[[nodiscard]] Failure failure(ErrorKind kind, std::string text, std::string remedy = {});

}  // namespace isotach
