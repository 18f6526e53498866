#include "network/traffic/owners.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "base/fd.h"
#include "base/text.h"

namespace isotach::network {
namespace {

constexpr std::size_t kFileLimitBytes = 4096;
constexpr std::size_t kStartField = 19;  // of stat behind the command

std::string content(const std::string& path) {
  const auto text = read_file(path, kFileLimitBytes);
  return text ? *text : std::string();
}

// The path in the hierarchy of cgroup2, or, where processes are only in those of version 1, the longest.
std::string group_path(std::string_view text) {
  std::string best;
  for (const std::string_view line : split(text, '\n')) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == line.npos ? line.npos : line.find(':', first + 1);
    if (second == line.npos) continue;
    const std::string_view path = line.substr(second + 1);
    if (path.size() > best.size()) best = std::string(path);
  }
  return best;
}

bool is_identity(std::string_view text) {
  return text.size() >= 32 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

}  // namespace

std::string container_of(std::string_view cgroup_path) {
  constexpr std::size_t kShown = 12;
  std::string found;
  for (std::string_view part : split(cgroup_path, '/')) {
    if (part.substr(0, 11) == "lxc.payload" && part.size() > 12) return std::string(part.substr(12));
    if (part.size() > 6 && part.substr(part.size() - 6) == ".scope") part.remove_suffix(6);
    if (part.substr(0, 8) == "machine-") {
      const std::string_view name = part.substr(8);
      found = std::string(name);
      continue;
    }
    const std::size_t dash = part.rfind('-');
    if (dash != part.npos && is_identity(part.substr(dash + 1))) part.remove_prefix(dash + 1);
    if (is_identity(part)) found = std::string(part.substr(0, kShown));
  }
  return found;
}

TrafficOwners::TrafficOwners(kernel::SystemRoot root, Remembered remembered, std::size_t limit)
    : root_(std::move(root)), remembered_(std::move(remembered)), limit_(limit) {
  rows_.resize(2);
  rows_[kOwnerNone].command = "(no process)";
  rows_[kOwnerUnknown].command = "(unknown)";
}

void TrafficOwners::take_back(std::uint32_t row, const TwoWay& traffic) {
  TwoWay& from = rows_[row].traffic;
  from.in.packets -= traffic.in.packets;
  from.in.bytes -= traffic.in.bytes;
  from.out.packets -= traffic.out.packets;
  from.out.bytes -= traffic.out.bytes;
}

std::vector<std::uint32_t> TrafficOwners::make_room(const std::vector<bool>& needed) {
  if (!needs_room()) return {};
  if (ended_row_ == 0) {
    ended_row_ = static_cast<std::uint32_t>(rows_.size());
    rows_.emplace_back();
    rows_.back().command = "(ended processes)";
  }
  const std::uint32_t ended_before = ended_row_;
  const auto stays = [&](std::uint32_t row) {
    return row <= kOwnerUnknown || row == ended_before || (row < needed.size() && needed[row]);
  };
  std::vector<std::uint32_t> moved(rows_.size());
  std::vector<TrafficOwner> kept;
  TwoWay ended;
  for (std::uint32_t row = 0; row < rows_.size(); ++row) {
    if (!stays(row)) {
      ended += rows_[row].traffic;
      continue;
    }
    moved[row] = static_cast<std::uint32_t>(kept.size());
    kept.push_back(std::move(rows_[row]));
  }
  ended_row_ = moved[ended_before];
  kept[ended_row_].traffic += ended;
  for (std::uint32_t row = 0; row < moved.size(); ++row)
    if (!stays(row)) moved[row] = ended_row_;
  rows_ = std::move(kept);
  for (auto at = known_.begin(); at != known_.end();) {
    const std::uint32_t row = moved[at->second.row];
    if (row == ended_row_ || row == kOwnerUnknown) {
      at = known_.erase(at);
    } else {
      at->second.row = row;
      ++at;
    }
  }
  return moved;
}

std::string TrafficOwners::start_of(std::uint32_t pid) const {
  const std::string stat = content(root_.path("proc/" + std::to_string(pid) + "/stat"));
  const std::size_t end = stat.rfind(')');
  if (end == stat.npos) return {};
  const auto fields = split_blanks(std::string_view(stat).substr(end + 1));
  return fields.size() > kStartField ? std::string(fields[kStartField]) : std::string();
}

std::uint32_t TrafficOwners::row_of(std::uint32_t pid) {
  Known& known = known_[pid];
  if (known.round == round_) return known.row;
  const std::string start = start_of(pid);
  const bool first = known.round == 0;
  known.round = round_;
  // Ended: what it was stays. A new start is a new process under an old number.
  if (!first && (start.empty() || start == known.start)) return known.row;
  known.start = start;
  if (rows_.size() >= limit_) return known.row = kOwnerUnknown;
  TrafficOwner owner;
  owner.pid = pid;
  const std::string folder = root_.path("proc/" + std::to_string(pid));
  owner.command = printable(trim(content(folder + "/comm")));
  owner.cgroup = printable(group_path(content(folder + "/cgroup")));
  owner.container = container_of(owner.cgroup);
  if (owner.command.empty() && remembered_)
    if (const auto command = remembered_(pid)) owner.command = printable(*command);
  if (owner.command.empty()) owner.command = "(ended)";
  known.row = static_cast<std::uint32_t>(rows_.size());
  rows_.push_back(std::move(owner));
  return known.row;
}

}  // namespace isotach::network
