#include "command/record_marks.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace isotach::command {
namespace {

constexpr std::size_t kMarkLimitBytes = 1000;

}  // namespace

std::vector<std::string> LineCutter::add(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view piece = text.substr(0, end);
    line_.append(piece.substr(0, limit_bytes_ - std::min(limit_bytes_, line_.size())));
    if (end == std::string_view::npos) break;
    if (line_.ends_with('\r')) line_.pop_back();
    lines.push_back(std::move(line_));
    line_.clear();
    text.remove_prefix(end + 1);
  }
  return lines;
}

std::vector<std::string> LineCutter::finish() {
  std::vector<std::string> lines;
  if (!line_.empty()) lines.push_back(std::move(line_));
  line_.clear();
  return lines;
}

MarkInput::MarkInput() : terminal_(::isatty(STDIN_FILENO) == 1), lines_(kMarkLimitBytes) {}

int MarkInput::fd() const {
  if (!open_) return -1;
  if (terminal_ && ::tcgetpgrp(STDIN_FILENO) != ::getpgrp()) return -1;
  return STDIN_FILENO;
}

std::vector<std::string> MarkInput::read() {
  std::array<char, 4096> buffer;
  const ssize_t got = ::read(STDIN_FILENO, buffer.data(), buffer.size());
  if (got > 0) return lines_.add({buffer.data(), static_cast<std::size_t>(got)});
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return {};
  open_ = false;
  return lines_.finish();
}

}  // namespace isotach::command
