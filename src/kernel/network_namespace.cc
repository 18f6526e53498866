#include "kernel/network_namespace.h"

#include <dirent.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "base/fd.h"
#include "base/text.h"

namespace isotach::kernel {
namespace {

constexpr const char* kOwn = "/proc/thread-self/ns/net";
constexpr std::size_t kEntryLimit = 1U << 20;

std::optional<std::string> identity_of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return std::nullopt;
  return std::to_string(status.st_dev) + ':' + std::to_string(status.st_ino);
}

// Shows `see` each file "FOLDER/ENTRY" + `below` and its namespace, until it returns true.
using See = std::function<bool(const std::string& path, const std::string& identity)>;
bool look_in(const char* folder, const char* below, bool numbers_only, const See& see) {
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(::opendir(folder), ::closedir);
  if (!listing) return false;
  for (std::size_t i = 0; i < kEntryLimit; ++i) {
    const dirent* entry = ::readdir(listing.get());
    if (entry == nullptr) break;
    const std::string name = entry->d_name;
    if (name == "." || name == ".." || (numbers_only && !parse_unsigned(name))) continue;
    const std::string path = std::string(folder) + '/' + name + below;
    const auto identity = identity_of(path);
    if (identity && see(path, *identity)) return true;
  }
  return false;
}

bool look_everywhere(const See& see) {
  for (const char* folder : {"/run/netns", "/run/docker/netns"})
    if (look_in(folder, "", false, see)) return true;
  return look_in("/proc", "/ns/net", true, see);
}

std::optional<std::string> find_namespace(const std::string& identity) {
  std::optional<std::string> found;
  look_everywhere([&](const std::string& path, const std::string& one) {
    if (one == identity) found = path;
    return found.has_value();
  });
  return found;
}

}  // namespace

Result<std::string> current_network_namespace() {
  auto identity = identity_of(kOwn);
  if (!identity) return system_failure(errno, "look at " + std::string(kOwn));
  return std::move(*identity);
}

Result<Fd> new_network_namespace() {
  const auto home = open_readonly(kOwn);
  if (!home) return tl::make_unexpected(home.error());
  if (::unshare(CLONE_NEWNET) != 0)
    return system_failure(errno, "make a network namespace", "it needs CAP_SYS_ADMIN: run it as root");
  auto made = open_readonly(kOwn);
  if (::setns(home->get(), CLONE_NEWNET) != 0) return system_failure(errno, "leave a new network namespace");
  return made;
}

Result<void> in_network_namespace(int fd, const std::function<Result<void>()>& action) {
  const auto home = open_readonly(kOwn);
  if (!home) return tl::make_unexpected(home.error());
  if (::setns(fd, CLONE_NEWNET) != 0)
    return system_failure(errno, "enter a network namespace", "it needs CAP_SYS_ADMIN: run it as root");
  auto done = action();
  if (::setns(home->get(), CLONE_NEWNET) != 0) return system_failure(errno, "leave a network namespace");
  return done;
}

Result<void> move_to_network_namespace(int fd) {
  if (::setns(fd, CLONE_NEWNET) != 0)
    return system_failure(errno, "enter a network namespace", "it needs CAP_SYS_ADMIN: run it as root");
  if (::unshare(CLONE_NEWNS) != 0) return system_failure(errno, "make a mount namespace");
  if (::mount("", "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0)
    return system_failure(errno, "keep mounts to ourselves");
  // What is mounted below /sys goes with it; where it is busy the new one lies above it.
  static_cast<void>(::umount2("/sys", MNT_DETACH));
  if (::mount("sysfs", "/sys", "sysfs", 0, nullptr) != 0)
    return system_failure(errno, "mount /sys for the network namespace");
  return {};
}

Result<std::string> network_namespace_of(int process) {
  const std::string path = "/proc/" + std::to_string(process) + "/ns/net";
  auto identity = identity_of(path);
  if (!identity) return system_failure(errno, "look at " + path);
  return std::move(*identity);
}

std::vector<std::string> list_network_namespaces() {
  std::vector<std::string> all;
  if (auto own = current_network_namespace()) all.push_back(std::move(*own));
  look_everywhere([&](const std::string&, const std::string& identity) {
    if (std::find(all.begin(), all.end(), identity) == all.end()) all.push_back(identity);
    return all.size() >= kNamespaceLimit;
  });
  return all;
}

Result<bool> in_network_namespace(const std::string& identity, const std::function<Result<void>()>& action) {
  const auto own = current_network_namespace();
  if (!own) return tl::make_unexpected(own.error());
  if (*own == identity) {
    if (auto done = action(); !done) return tl::make_unexpected(std::move(done.error()));
    return true;
  }
  const auto path = find_namespace(identity);
  if (!path) return false;
  const auto home = open_readonly(kOwn);
  const auto target = open_readonly(*path);
  if (!home) return tl::make_unexpected(home.error());
  if (!target) return tl::make_unexpected(target.error());
  if (::setns(target->get(), CLONE_NEWNET) != 0)
    return system_failure(errno, "enter the network namespace " + *path, "run it as root");
  auto done = action();
  if (::setns(home->get(), CLONE_NEWNET) != 0)
    return system_failure(errno, "leave the network namespace " + *path);
  if (!done) return tl::make_unexpected(std::move(done.error()));
  return true;
}

}  // namespace isotach::kernel
