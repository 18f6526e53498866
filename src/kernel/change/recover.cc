#include "kernel/change/recover.h"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "base/fd.h"
#include "base/text.h"

namespace isotach::kernel {
namespace {

constexpr std::string_view kEnding = ".journal";
constexpr std::size_t kJournalLimit = 256;

Result<std::vector<std::string>> journal_paths() {
  const std::string folder = journal_folder();
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(::opendir(folder.c_str()), ::closedir);
  if (!listing) {
    const int failed = errno;
    if (failed == ENOENT || failed == ENOTDIR) return std::vector<std::string>();
    return system_failure(failed, "list " + folder, failed == EACCES ? "run it as root" : "");
  }
  std::vector<std::string> paths;
  while (const dirent* entry = ::readdir(listing.get())) {
    const std::string_view name = entry->d_name;
    if (!name.ends_with(kEnding) || paths.size() == kJournalLimit) continue;
    std::string path = folder + '/' + std::string(name);
    struct stat status {};
    if (::lstat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode)) paths.push_back(std::move(path));
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace

std::string state_folder() {
  const char* folder = std::getenv("ISOTACH_STATE");
  return folder != nullptr && folder[0] == '/' ? folder : "/var/lib/isotach";
}

std::string journal_folder() {
  return state_folder() + "/changes";
}

std::optional<Recovered> take_back_abandoned(Journal& journal) {
  auto content = journal.read();
  if (!content || !*content) return std::nullopt;
  drop_ended_steps(**content);
  if ((*content)->steps.empty()) return std::nullopt;
  Recovered recovered;
  recovered.command = printable((*content)->command);
  take_back_all((*content)->steps, recovered.steps, recovered.errors);
  static_cast<void>(journal.write(journal_head((*content)->boot_id, (*content)->pid, (*content)->command),
                                  (*content)->steps));
  return recovered;
}

std::vector<Recovered> recover_abandoned() {
  std::vector<Recovered> all;
  const auto paths = journal_paths();
  if (!paths) return all;
  for (const std::string& path : *paths) {
    auto journal = Journal::open_existing(path);
    if (!journal || !*journal) continue;
    auto recovered = take_back_abandoned(**journal);
    if (!recovered || recovered->errors.empty()) (*journal)->remove();
    if (recovered) all.push_back(std::move(*recovered));
  }
  return all;
}

Result<std::vector<OpenJournal>> open_journals() {
  const auto paths = journal_paths();
  if (!paths) return tl::make_unexpected(paths.error());
  std::vector<OpenJournal> journals;
  for (const std::string& path : *paths) {
    const auto text = read_file(path);
    auto content = text ? parse_journal(*text) : std::nullopt;
    if (!content) continue;
    drop_ended_steps(*content);
    const auto lock = Journal::open_existing(path);
    journals.push_back({path, lock && !*lock, std::move(*content)});
  }
  return journals;
}

Result<void> forget_journal(const std::string& path) {
  auto journal = Journal::open_existing(path);
  if (!journal) return tl::make_unexpected(journal.error());
  if (!*journal) return failure(ErrorKind::failed, "the command that wrote " + path + " still runs");
  (*journal)->remove();
  return {};
}

}  // namespace isotach::kernel
