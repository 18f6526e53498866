#include "base/output.h"

#include "base/fd.h"

namespace isotach {
namespace {
constexpr std::size_t kBufferLimitBytes = 65536;
}

void Output::write(std::string_view text) {
  if (!is_open()) return;
  buffer_.append(text);
  if (buffer_.size() >= kBufferLimitBytes) flush();
}

void Output::flush() {
  if (is_open() && !buffer_.empty()) {
    if (auto done = write_all(fd_, buffer_); !done) {
      if (done.error().errno_value == EPIPE) {
        reader_gone_ = true;
      } else {
        error_ = std::move(done.error());
        error_->doing = "write the output";
      }
    }
  }
  buffer_.clear();
}

}  // namespace isotach
