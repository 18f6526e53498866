#include "base/output.h"

#include "base/fd.h"

namespace isotach {
namespace {
constexpr std::size_t kBufferLimitBytes = 65536;
}

void Output::write(std::string_view text) {
  if (text.size() >= kBufferLimitBytes) {
    // To gather it would cost a copy and save nothing.
    flush();
    return write_out(text);
  }
  if (!is_open()) return;
  buffer_.append(text);
  if (buffer_.size() >= kBufferLimitBytes) flush();
}

void Output::flush() {
  write_out(buffer_);
  buffer_.clear();
}

void Output::write_out(std::string_view text) {
  if (!is_open() || text.empty()) return;
  auto done = write_all(fd_, text);
  if (done) return;
  if (done.error().errno_value == EPIPE) {
    reader_gone_ = true;
  } else {
    error_ = std::move(done.error());
    error_->doing = "write the output";
  }
}

}  // namespace isotach
