#include "command/connections/file_order.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "network/packet/capture_reader.h"

namespace isotach::command {
namespace {

std::optional<std::int64_t> first_frame_ns(const std::string& path) {
  struct stat facts {};
  // What is read once cannot be read again.
  if (::stat(path.c_str(), &facts) != 0 || !S_ISREG(facts.st_mode)) return std::nullopt;
  auto reader = network::CaptureReader::open(path, {});
  network::Frame frame;
  if (!reader || !(*reader)->next(frame)) return std::nullopt;
  return frame.time_ns;
}

}  // namespace

bool order_by_first_frame(std::vector<std::string>& paths) {
  if (paths.size() < 2) return false;
  std::vector<std::pair<std::int64_t, std::size_t>> times;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    const auto time_ns = first_frame_ns(paths[i]);
    if (!time_ns) return false;
    times.emplace_back(*time_ns, i);
  }
  if (std::is_sorted(times.begin(), times.end())) return false;
  std::sort(times.begin(), times.end());
  std::vector<std::string> ordered;
  for (const auto& [time_ns, index] : times) ordered.push_back(std::move(paths[index]));
  paths = std::move(ordered);
  return true;
}

}  // namespace isotach::command
