#include "kernel/change/undo.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>

#include "base/fd.h"
#include "base/text.h"
#include "kernel/attribute.h"
#include "kernel/change/undo_link.h"
#include "kernel/ksm_settings.h"
#include "kernel/swap_control.h"
#include "kernel/swap_devices.h"
#include "kernel/swap_room.h"
#include "kernel/tracefs.h"

namespace isotach::kernel {
namespace {

constexpr int kRetryMs = 20;
constexpr int kFolderRetries = 250;  // a group is busy until the last of its processes is gone
constexpr std::size_t kTextLimitBytes = std::size_t{1} << 20;

int number_of(const std::string& text) {
  int number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

Result<bool> is_swap_on(const std::string& path) {
  std::vector<SwapDevice> devices;
  SwapDeviceReader reader{SystemRoot()};
  if (auto read = reader.read(devices); !read) return tl::make_unexpected(read.error());
  struct stat wanted {};
  const bool known = ::stat(path.c_str(), &wanted) == 0;
  for (const SwapDevice& device : devices) {
    if (device.path == path) return true;
    // The kernel tells the path without symbolic links.
    struct stat status {};
    if (known && ::stat(device.path.c_str(), &status) == 0 && status.st_dev == wanted.st_dev &&
        status.st_ino == wanted.st_ino)
      return true;
  }
  return false;
}

Result<void> take_back_attribute(const UndoStep& step) {
  const auto now = read_attribute(step.fields[0]);
  if (!now) {
    if (now.error().errno_value == ENOENT) return {};  // the device or group went with the change
    return tl::make_unexpected(now.error());
  }
  return *now == step.fields[1] ? Result<void>() : write_attribute(step.fields[0], step.fields[1]);
}

Result<void> take_back_ksm(const UndoStep& step) {
  KsmValues values;
  for (std::size_t i = 1; i + 1 < step.fields.size(); i += 2)
    values.emplace_back(step.fields[i], step.fields[i + 1]);
  return write_ksm_settings(step.fields[0], values);
}

Result<void> take_back_swap(const UndoStep& step) {
  const std::string& path = step.fields[0];
  const auto on = is_swap_on(path);
  if (!on) return tl::make_unexpected(on.error());
  if (step.kind == UndoKind::swap_on) {
    if (!*on) return {};
    // The change stays, and is told, where taking it back would kill somebody's program.
    if (auto room = check_room_to_switch_off(path); !room) return room;
    return swap_off(path);
  }
  return *on ? Result<void>() : swap_on(path, number_of(step.fields[1]), step.fields[2]);
}

Result<void> take_back_created_file(const UndoStep& step) {
  const std::string& path = step.fields[0];
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return {};
  if (std::to_string(status.st_dev) != step.fields[1] || std::to_string(status.st_ino) != step.fields[2])
    return {};  // somebody has put another file there
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return system_failure(errno, "remove " + path);
  return {};
}

Result<void> take_back_moved_file(const UndoStep& step) {
  const std::string& from = step.fields[0];
  const std::string& to = step.fields[1];
  if (::access(to.c_str(), F_OK) != 0) return {};
  if (::renameat2(AT_FDCWD, to.c_str(), AT_FDCWD, from.c_str(), RENAME_NOREPLACE) == 0) return {};
  const int failed = errno;
  return system_failure(failed, "give " + to + " its name back: " + from,
                        failed == EEXIST ? "another file has that name now: choose which one to keep" : "");
}

Result<void> take_back_replaced_file(const UndoStep& step) {
  const std::string& path = step.fields[0];
  const std::string& backup = step.fields[1];
  const auto earlier = read_file(backup, kTextLimitBytes);
  if (!earlier) {
    // Not made yet, or put back already.
    if (earlier.error().errno_value == ENOENT) return {};
    return tl::make_unexpected(earlier.error());
  }
  const auto now = read_file(path, kTextLimitBytes);
  if (now && *now != step.fields[2]) {
    if (*now == *earlier) ::unlink(backup.c_str());
    return {};
  }
  if (auto written = replace_file(path, *earlier); !written) return written;
  ::unlink(backup.c_str());
  return {};
}

// Moves what is left in a control group to its parent. Processes that are ending cannot be moved; they go
// by themselves.
void empty_group(const std::string& folder) {
  const auto members = read_file(folder + "/cgroup.procs", kTextLimitBytes);
  if (!members) return;
  const std::string parent = folder.substr(0, folder.rfind('/')) + "/cgroup.procs";
  for (const std::string_view pid : split(*members, '\n'))
    if (!pid.empty()) static_cast<void>(write_attribute(parent, std::string(pid)));
}

Result<void> take_back_folder(const UndoStep& step) {
  const std::string& path = step.fields[0];
  for (int attempt = 0;; ++attempt) {
    if (::rmdir(path.c_str()) == 0 || errno == ENOENT) return {};
    const int failed = errno;
    if (failed != EBUSY || attempt == kFolderRetries) return system_failure(failed, "remove " + path);
    empty_group(path);
    ::poll(nullptr, 0, kRetryMs);
  }
}

Result<void> take_back_trace_instance(const UndoStep& step) {
  const std::string name = step.fields[0].substr(1);
  const auto tracefs = Tracefs::open();
  if (!tracefs) return tl::make_unexpected(tracefs.error());
  for (int attempt = 0;; ++attempt) {
    auto removed = tracefs->remove_instance(name);
    // Whoever reads it keeps it busy, until it has ended.
    if (removed || removed.error().errno_value != EBUSY || attempt == kFolderRetries) return removed;
    ::poll(nullptr, 0, kRetryMs);
  }
}

std::string described_ksm(const UndoStep& step) {
  std::string text = "give KSM its settings back:";
  for (std::size_t i = 1; i + 1 < step.fields.size(); i += 2)
    text += ' ' + step.fields[i] + '=' + step.fields[i + 1];
  return text;
}

}  // namespace

Result<UndoStep> undo_attribute(const std::string& path) {
  auto value = read_attribute(path);
  if (!value) return tl::make_unexpected(std::move(value.error()));
  return UndoStep{UndoKind::attribute, {path, std::move(*value)}};
}

UndoStep undo_ksm(const std::string& folder, const std::vector<std::pair<std::string, std::string>>& values) {
  UndoStep step{UndoKind::ksm, {folder}};
  for (const auto& [name, value] : values) {
    step.fields.push_back(name);
    step.fields.push_back(value);
  }
  return step;
}

UndoStep undo_swap_on(const std::string& path) {
  return {UndoKind::swap_on, {path}};
}

UndoStep undo_swap_off(const std::string& path, int priority, const std::string& discard) {
  return {UndoKind::swap_off, {path, std::to_string(priority), discard}};
}

UndoStep undo_created_file(const std::string& path, dev_t device, ino_t inode) {
  return {UndoKind::created_file, {path, std::to_string(device), std::to_string(inode)}};
}

UndoStep undo_moved_file(const std::string& from, const std::string& to) {
  return {UndoKind::moved_file, {from, to}};
}

UndoStep undo_replaced_file(const std::string& path, const std::string& backup, std::string_view written) {
  return {UndoKind::replaced_file, {path, backup, std::string(written)}};
}

UndoStep undo_made_folder(const std::string& path) {
  return {UndoKind::made_folder, {path}};
}

UndoStep undo_trace_instance(const std::string& name) {
  return {UndoKind::trace_instance, {'/' + name}};
}

bool ends_with_boot(UndoKind kind) {
  switch (kind) {
    case UndoKind::attribute:
    case UndoKind::ksm:
    case UndoKind::swap_on:
    case UndoKind::swap_off:
    case UndoKind::made_folder:
    case UndoKind::trace_instance:
    case UndoKind::link:
      return true;
    case UndoKind::created_file:
    case UndoKind::moved_file:
    case UndoKind::replaced_file:
      return false;
  }
  return false;
}

std::string describe(const UndoStep& step) {
  const std::string path = printable(step.fields[0]);
  switch (step.kind) {
    case UndoKind::attribute:
      return "write " + printable(step.fields[1]) + " to " + path;
    case UndoKind::ksm:
      return printable(described_ksm(step));
    case UndoKind::swap_on:
      return "switch off swapping to " + path;
    case UndoKind::swap_off:
      return "switch on swapping to " + path + ", priority " + step.fields[1];
    case UndoKind::created_file:
      return "remove the file " + path;
    case UndoKind::moved_file:
      return "give " + printable(step.fields[1]) + " its name back: " + path;
    case UndoKind::replaced_file:
      return "put the earlier content of " + path + " back";
    case UndoKind::made_folder:
      return "remove " + path;
    case UndoKind::trace_instance:
      return "remove the instance " + path.substr(1) + " of tracefs";
    case UndoKind::link:
      return describe_link(step);
  }
  return {};
}

Result<void> take_back(const UndoStep& step) {
  switch (step.kind) {
    case UndoKind::attribute:
      return take_back_attribute(step);
    case UndoKind::ksm:
      return take_back_ksm(step);
    case UndoKind::swap_on:
    case UndoKind::swap_off:
      return take_back_swap(step);
    case UndoKind::created_file:
      return take_back_created_file(step);
    case UndoKind::moved_file:
      return take_back_moved_file(step);
    case UndoKind::replaced_file:
      return take_back_replaced_file(step);
    case UndoKind::made_folder:
      return take_back_folder(step);
    case UndoKind::trace_instance:
      return take_back_trace_instance(step);
    case UndoKind::link:
      return take_back_link(step);
  }
  return {};
}

}  // namespace isotach::kernel
