#include "kernel/change/journal.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include "base/text.h"

namespace isotach::kernel {
namespace {

constexpr std::string_view kMagic = "isotach-changes";
constexpr std::string_view kVersion = "1";
constexpr std::string_view kKept = "kept";
constexpr std::size_t kLimitBytes = std::size_t{8} << 20;
constexpr int kOpenAttempts = 16;  // the file may be removed between our open() and our lock

// Makes /a/b/c and what leads to it. Only the last is private: the others may be there for other things.
Result<void> make_folders(const std::string& folder) {
  int denied = 0;  // the reason why what follows has nowhere to be
  for (std::size_t at = folder.find('/', 1); at != std::string::npos; at = folder.find('/', at + 1))
    if (::mkdir(folder.substr(0, at).c_str(), 0755) != 0 && errno == EACCES) denied = EACCES;
  if (::mkdir(folder.c_str(), 0700) == 0 || errno == EEXIST) return {};
  const int failed = errno == ENOENT && denied != 0 ? denied : errno;
  return system_failure(failed, "make the folder " + folder + ", which remembers what has to be put back",
                        failed == EROFS || failed == ENOSPC
                            ? "set ISOTACH_STATE to a folder on a disk that can be written"
                            : "run it as root");
}

// What a journal says is carried out with our rights: one that somebody else could have written is none.
Result<void> check_owner(const std::string& path, int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return system_failure(errno, "read " + path);
  if (status.st_uid == ::geteuid() && (status.st_mode & (S_IWGRP | S_IWOTH)) == 0 && S_ISREG(status.st_mode))
    return {};
  return failure(ErrorKind::failed, path + " belongs to somebody else, or others may write it",
                 "look at what it holds, and remove it");
}

bool is_still(const std::string& path, int fd) {
  struct stat named {};
  struct stat opened {};
  return ::stat(path.c_str(), &named) == 0 && ::fstat(fd, &opened) == 0 && named.st_ino == opened.st_ino &&
         named.st_dev == opened.st_dev;
}

}  // namespace

std::string current_boot_id() {
  const auto text = read_file("/proc/sys/kernel/random/boot_id", 256);
  return text ? std::string(trim(*text)) : std::string();
}

std::string journal_head(const std::string& boot_id, unsigned pid, const std::string& command) {
  std::string head(kMagic);
  head += ' ';
  head += kVersion;
  return head + ' ' + escape_field(boot_id) + ' ' + std::to_string(pid) + ' ' + escape_field(command) + '\n';
}

std::optional<JournalContent> parse_journal(std::string_view text) {
  const std::size_t end = text.rfind('\n');
  if (end == std::string_view::npos) return std::nullopt;
  std::vector<std::string_view> lines = split(text.substr(0, end), '\n');
  const std::vector<std::string_view> head = split(lines.front(), ' ');
  if (head.size() != 5 || head[0] != kMagic || head[1] != kVersion) return std::nullopt;
  const auto pid = parse_unsigned(head[3]);
  if (!pid || *pid > INT_MAX) return std::nullopt;
  JournalContent content;
  content.boot_id = unescape_field(head[2]).value_or("");
  content.pid = static_cast<unsigned>(*pid);
  content.command = unescape_field(head[4]).value_or("");
  for (std::size_t i = 1; i < lines.size(); ++i) {
    if (lines[i] == kKept) {
      content.steps.clear();
    } else if (auto step = read_step(lines[i])) {
      content.steps.push_back(std::move(*step));
    } else {
      ++content.unreadable_lines;
    }
  }
  return content;
}

Result<std::optional<Journal>> Journal::open(const std::string& folder, const std::string& resource) {
  const std::string path = folder + '/' + resource + ".journal";
  for (int attempt = 0; attempt < kOpenAttempts; ++attempt) {
    if (auto made = make_folders(folder); !made) return tl::make_unexpected(made.error());
    Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd.is_open()) {
      const int failed = errno;
      if (failed == ENOENT) continue;  // the folder was removed by a command that has just ended
      return system_failure(failed, "open " + path, failed == EACCES ? "run it as root" : "");
    }
    if (auto ours = check_owner(path, fd.get()); !ours) return tl::make_unexpected(ours.error());
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) return std::optional<Journal>();
    if (is_still(path, fd.get())) return std::optional<Journal>(Journal(path, std::move(fd)));
  }
  return system_failure(EAGAIN, "lock " + path, "try it again");
}

Result<std::optional<Journal>> Journal::open_existing(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  if (!fd.is_open()) {
    const int failed = errno;
    if (failed == ENOENT) return std::optional<Journal>();
    return system_failure(failed, "open " + path);
  }
  if (auto ours = check_owner(path, fd.get()); !ours) return tl::make_unexpected(ours.error());
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0 || !is_still(path, fd.get())) return std::optional<Journal>();
  return std::optional<Journal>(Journal(path, std::move(fd)));
}

Result<std::optional<JournalContent>> Journal::read() const {
  std::string text;
  char chunk[4096];
  for (;;) {
    const ssize_t got = ::pread(fd_.get(), chunk, sizeof chunk, static_cast<off_t>(text.size()));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_failure(errno, "read " + path_);
    if (got == 0) break;
    text.append(chunk, static_cast<std::size_t>(got));
    if (text.size() > kLimitBytes) return system_failure(EFBIG, "read " + path_);
  }
  return parse_journal(text);
}

Result<void> Journal::flush() const {
  if (::fdatasync(fd_.get()) != 0) return system_failure(errno, "write " + path_);
  return {};
}

Result<void> Journal::write(const std::string& head, const std::vector<UndoStep>& steps) {
  if (::ftruncate(fd_.get(), 0) != 0 || ::lseek(fd_.get(), 0, SEEK_SET) != 0)
    return system_failure(errno, "write " + path_);
  if (auto written = write_all(fd_.get(), head); !written) return written;
  if (auto appended = append(steps); !appended) return appended;
  // The name itself must survive a power cut too.
  const Fd folder(::open(path_.substr(0, path_.rfind('/')).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.is_open()) ::fsync(folder.get());
  return {};
}

Result<void> Journal::append(const std::vector<UndoStep>& steps) {
  std::string text;
  for (const UndoStep& step : steps) text += write_step(step) + '\n';
  return append_text(text);
}

Result<void> Journal::append_kept(const std::vector<UndoStep>& last_steps) {
  std::string text = std::string(kKept) + '\n';
  for (const UndoStep& step : last_steps) text += write_step(step) + '\n';
  return append_text(text);
}

Result<void> Journal::append_text(const std::string& text) {
  if (auto written = write_all(fd_.get(), text); !written) {
    Error error = written.error();
    error.doing = "write " + path_;
    return tl::make_unexpected(std::move(error));
  }
  return flush();
}

void Journal::remove() {
  ::unlink(path_.c_str());
  const std::string folder = path_.substr(0, path_.rfind('/'));
  if (::rmdir(folder.c_str()) == 0) ::rmdir(folder.substr(0, folder.rfind('/')).c_str());
}

void take_back_all(std::vector<UndoStep>& steps, std::vector<std::string>& done, std::vector<Error>& errors) {
  std::vector<UndoStep> failed;
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    if (auto taken = take_back(*step); !taken) {
      errors.push_back(std::move(taken.error()));
      failed.push_back(std::move(*step));
    } else {
      done.push_back(describe(*step));
    }
  }
  std::reverse(failed.begin(), failed.end());
  steps = std::move(failed);
}

void drop_ended_steps(JournalContent& content) {
  const std::string boot_id = current_boot_id();
  if (boot_id.empty() || content.boot_id.empty() || content.boot_id == boot_id) return;
  std::erase_if(content.steps, [](const UndoStep& step) { return ends_with_boot(step.kind); });
}

}  // namespace isotach::kernel
