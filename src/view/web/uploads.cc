#include "view/web/uploads.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <utility>
#include <vector>

#include "base/text.h"

namespace isotach::view {
namespace {

constexpr std::string_view kPrefix = "isotach-web-";
constexpr std::size_t kNameLimitBytes = 200;
constexpr std::size_t kEntryLimit = 20'000;  // of a folder that is looked through

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  DIR* const opened = ::opendir(folder.c_str());
  if (opened == nullptr) return names;
  while (names.size() < kEntryLimit) {
    const dirent* const entry = ::readdir(opened);
    if (entry == nullptr) break;
    if (const std::string_view name = entry->d_name; name != "." && name != "..") names.emplace_back(name);
  }
  ::closedir(opened);
  return names;
}

std::string path_in(const std::string& folder, std::string_view name) {
  return std::string(folder).append("/").append(name);
}

void remove_folder(const std::string& folder) {
  for (const std::string& name : names_in(folder)) ::unlink(path_in(folder, name).c_str());
  ::rmdir(folder.c_str());
}

// The folder, held; nothing where somebody else holds it, or where it is no folder of this user.
Fd hold_folder(const std::string& folder) {
  Fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat status {};
  if (!fd.is_open() || ::fstat(fd.get(), &status) != 0 || status.st_uid != ::geteuid()) return {};
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) return {};
  return fd;
}

void remove_abandoned(const std::string& parent) {
  for (const std::string& name : names_in(parent)) {
    if (!name.starts_with(kPrefix)) continue;
    const std::string folder = path_in(parent, name);
    if (const Fd held = hold_folder(folder); held.is_open()) remove_folder(folder);
  }
}

// Removes a file unless it is told to stay.
class Incoming {
 public:
  explicit Incoming(std::string path) : path_(std::move(path)) {}
  ~Incoming() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  Incoming(const Incoming&) = delete;
  Incoming& operator=(const Incoming&) = delete;
  void keep() { path_.clear(); }

 private:
  std::string path_;
};

}  // namespace

Uploads::Uploads(std::string folder, Fd lock, std::uint64_t limit_bytes, ShelfReaders readers)
    : folder_(std::move(folder)),
      lock_(std::move(lock)),
      limit_bytes_(limit_bytes),
      shelf_(folder_, std::move(readers)) {}

Uploads::~Uploads() {
  remove_folder(folder_);
}

Result<std::unique_ptr<Uploads>> Uploads::open(const std::string& parent, std::uint64_t limit_bytes,
                                               ShelfReaders readers) {
  remove_abandoned(parent);
  // Whoever starts at this very moment may take a folder that is not held yet for an abandoned one.
  for (int attempt = 0; attempt < 10; ++attempt) {
    std::string folder = parent + "/" + std::string(kPrefix) + "XXXXXX";
    if (::mkdtemp(folder.data()) == nullptr)
      return system_failure(errno, "make a folder in " + printable(parent) + " for files that viewers send",
                            "name another folder: TMPDIR=/var/tmp isotach web ...");
    Fd held = hold_folder(folder);
    struct stat status {};
    if (held.is_open() && ::fstat(held.get(), &status) == 0 && status.st_nlink > 0)
      return std::unique_ptr<Uploads>(
          new Uploads(std::move(folder), std::move(held), limit_bytes, std::move(readers)));
  }
  return failure(ErrorKind::failed, "no folder for files that viewers send stays in " + printable(parent));
}

Result<void> Uploads::take(const std::string& name, const BodyReader& body) {
  if (name.size() > kNameLimitBytes || !Shelf::takes(name))
    return failure(ErrorKind::usage, printable(name) + " is no name of a file that is shown",
                   "recordings end in .isotach, captures in .pcap, .pcapng, .cap or .snoop, records in "
                   ".inspect or .zst, "
                   "reports in .html; captures may be packed (.gz, .zst)");
  const std::string hidden = folder_ + "/.incoming";
  const Fd file(::open(hidden.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file.is_open()) return system_failure(errno, "make a file for what is sent");
  Incoming incoming(hidden);
  std::array<char, std::size_t{64} << 10> piece;
  std::uint64_t received = 0;
  for (;;) {
    const auto count = body(piece);
    if (!count) return Failure(count.error());
    if (*count == 0) break;
    received += *count;
    if (received > limit_bytes_) return failure(ErrorKind::failed, "the file is larger than what is taken");
    if (auto written = write_all(file.get(), {piece.data(), *count}); !written) return written;
  }

  // Room for it: the oldest goes, and one of the same name with what lies beside it.
  auto before = shelf_.list();
  if (!before) return Failure(std::move(before.error()));
  std::vector<ShelfFile>& kept = before->files;  // the newest first
  std::erase_if(kept, [&](const ShelfFile& one) { return one.name == name; });
  std::vector<std::string> gone = {name};
  for (; kept.size() >= kFileLimit; kept.pop_back()) gone.push_back(kept.back().name);
  for (const std::string& one : gone)
    for (const char* beside : {"", "-wal", "-shm"}) ::unlink((folder_ + "/" + one + beside).c_str());

  const std::string path = folder_ + "/" + name;
  if (::rename(hidden.c_str(), path.c_str()) != 0) return system_failure(errno, "keep " + printable(name));
  incoming.keep();
  const auto after = shelf_.list();
  if (after && std::ranges::find(after->files, name, &ShelfFile::name) != after->files.end()) return {};
  ::unlink(path.c_str());
  return failure(
      ErrorKind::usage, printable(name) + " is not what its name says",
      "send a recording (*.isotach), a capture (*.pcap), records of inspect (*.inspect, *.zst) or a report "
      "(*.html)");
}

}  // namespace isotach::view
