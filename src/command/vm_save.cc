#include "command/vm_save.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vector>

#include "base/fd.h"
#include "base/ticker.h"
#include "kernel/block_devices.h"
#include "kernel/system_root.h"

namespace isotach::command {
namespace {

// What each mode of vm reads. A kernel that lacks an optional file makes a tree that lacks it.
constexpr std::string_view kRequired[] = {"proc/meminfo", "proc/stat", "proc/vmstat"};
constexpr std::string_view kOptional[] = {"proc/uptime",
                                          "proc/loadavg",
                                          "proc/diskstats",
                                          "proc/slabinfo",
                                          "proc/swaps",
                                          "proc/partitions",
                                          "proc/pressure/cpu",
                                          "proc/pressure/memory",
                                          "proc/pressure/io",
                                          "sys/kernel/mm/ksm/run",
                                          "sys/kernel/mm/ksm/pages_shared",
                                          "sys/kernel/mm/ksm/pages_sharing"};

Result<void> make_folder(const std::string& path) {
  if (::mkdir(path.c_str(), 0777) == 0 || errno == EEXIST) return {};
  return system_failure(errno, "create " + path);
}

Result<void> make_folders(const std::string& tree, std::string_view relative_file) {
  for (std::size_t slash = relative_file.find('/'); slash != std::string_view::npos;
       slash = relative_file.find('/', slash + 1)) {
    if (auto made = make_folder(tree + '/' + std::string(relative_file.substr(0, slash))); !made) return made;
  }
  return {};
}

Result<void> write_new_file(const std::string& path, std::string_view text) {
  Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (!fd.is_open()) return system_failure(errno, "create " + path);
  auto written = write_all(fd.get(), text);
  if (!written) return system_failure(written.error().errno_value, "write " + path);
  return {};
}

class TreeSaver {
 public:
  explicit TreeSaver(Context& context) : context_(context), whole_disks_(live_) {}

  Result<void> save(const std::string& tree) {
    if (::mkdir(tree.c_str(), 0777) != 0) return system_failure(errno, "create " + tree);
    for (const std::string_view file : kRequired) {
      if (auto copied = copy(tree, file); !copied) return copied;
    }
    for (const std::string_view file : kOptional) {
      auto copied = copy(tree, file);
      if (copied || copied.error().errno_value == ENOENT) continue;
      if (copied.error().kind != ErrorKind::not_permitted) return copied;
      if (!said_) context_.note("left out what only root may read: " + live_.path(file));
      said_ = true;
    }
    std::vector<std::string> disks;
    if (!whole_disks_.read(disks)) return {};
    for (const std::string& disk : disks) {
      if (auto made = make_folders(tree, "sys/block/" + disk + "/"); !made) return made;
    }
    return {};
  }

 private:
  Result<void> copy(const std::string& tree, std::string_view file) {
    auto text = read_file(live_.path(file));
    if (!text) return tl::make_unexpected(std::move(text.error()));
    if (auto made = make_folders(tree, file); !made) return made;
    return write_new_file(tree + '/' + std::string(file), *text);
  }

  Context& context_;
  kernel::SystemRoot live_;
  kernel::WholeDiskReader whole_disks_;
  bool said_ = false;
};

}  // namespace

int save_vm_trees(Context& context, const std::string& folder, std::int64_t delay_ns, std::uint64_t count) {
  if (auto made = make_folder(folder); !made) return context.report(made.error());
  TreeSaver saver(context);
  Ticker ticker(context.clock.now().monotonic_ns, delay_ns);
  std::uint64_t saved = 0;
  while (saved < count) {
    const Wake wake = context.waiter.wait_until(ticker.deadline_ns());
    if (wake == Wake::interrupted) break;
    if (wake != Wake::deadline) continue;
    ticker.advance(context.clock.now().monotonic_ns);
    if (auto done = saver.save(folder + '/' + std::to_string(saved)); !done)
      return context.report(done.error());
    ++saved;
  }
  context.note("saved " + std::to_string(saved) + (saved == 1 ? " tree" : " trees") +
               "; read with: isotach vm --proc-root " + folder + " 1");
  return kExitOk;
}

}  // namespace isotach::command
