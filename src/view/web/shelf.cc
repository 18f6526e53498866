#include "view/web/shelf.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "base/fd.h"
#include "base/text.h"

namespace isotach::view {
namespace {

constexpr std::size_t kNameLimit = 20'000;  // names of one folder that are looked at
constexpr std::size_t kTitleWithinBytes = 8192;
constexpr std::size_t kTitleLimitBytes = 300;

std::optional<ShelfKind> kind_of(std::string_view name) {
  if (name.ends_with(".isotach")) return ShelfKind::recording;
  std::string_view unpacked = name;
  for (const std::string_view packed : {".gz", ".zst"})
    if (name.ends_with(packed)) unpacked.remove_suffix(packed.size());
  for (const std::string_view end : {".pcap", ".pcapng", ".cap", ".snoop"})
    if (unpacked.ends_with(end)) return ShelfKind::capture;
  if (name.ends_with(".inspect") || name.ends_with(".zst")) return ShelfKind::records;
  if (name.ends_with(".html")) return ShelfKind::report;
  return std::nullopt;
}

// Nothing that leads out of the folder, and nothing hidden.
bool is_plain_name(std::string_view name) {
  return !name.empty() && name.front() != '.' && name.find('/') == std::string_view::npos &&
         name.find('\0') == std::string_view::npos;
}

Failure no_such_file(const std::string& name) {
  return failure(ErrorKind::failed, "there is no " + printable(name) + " in the folder that is open");
}

std::int64_t changed_ns(const struct stat& status) {
  return status.st_mtim.tv_sec * kNanosecondsPerSecond + status.st_mtim.tv_nsec;
}

// A regular file, not followed to elsewhere.
Result<Fd> open_plain(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd.is_open()) return system_failure(errno, "open " + printable(path));
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return system_failure(errno, "look at " + printable(path));
  if (!S_ISREG(status.st_mode)) return failure(ErrorKind::failed, printable(path) + " is no regular file");
  return fd;
}

Result<std::string> read_start(const std::string& path, std::size_t limit_bytes) {
  auto fd = open_plain(path);
  if (!fd) return Failure(std::move(fd.error()));
  std::string text;
  while (text.size() < limit_bytes) {
    const std::size_t before = text.size();
    text.resize(std::min(limit_bytes, before + (std::size_t{256} << 10)));
    const ssize_t got = ::read(fd->get(), text.data() + before, text.size() - before);
    if (got < 0 && errno != EINTR) return system_failure(errno, "read " + printable(path));
    text.resize(before + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got == 0) break;
  }
  return text;
}

// Whether a file begins as captures do, packed or not: what is in it is not looked at here.
bool begins_as_capture(const std::string& path) {
  using namespace std::string_view_literals;
  constexpr std::string_view kBeginnings[] = {
      "\xd4\xc3\xb2\xa1"sv, "\xa1\xb2\xc3\xd4"sv, "\x4d\x3c\xb2\xa1"sv, "\xa1\xb2\x3c\x4d"sv,  // pcap
      "\x34\xcd\xb2\xa1"sv, "\xa1\xb2\xcd\x34"sv,   // and its variant with more in each head
      "\n\r\r\n"sv,         "snoop\0\0\0"sv,        // pcapng
      "\x1f\x8b"sv,         "\x28\xb5\x2f\xfd"sv};  // gzip, zstd
  const auto start = read_start(path, 8);
  return start &&
         std::ranges::any_of(kBeginnings, [&](std::string_view one) { return start->starts_with(one); });
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// Where `word`, which is in lower case, begins in `text` in either case.
std::size_t find_word(std::string_view text, std::string_view word, std::size_t from = 0) {
  const auto found =
      std::search(text.begin() + static_cast<std::ptrdiff_t>(std::min(from, text.size())), text.end(),
                  word.begin(), word.end(), [](char a, char b) { return lower(a) == b; });
  return found == text.end() ? std::string_view::npos : static_cast<std::size_t>(found - text.begin());
}

// The character that "amp", "lt" or "#39" stands for; nothing for others.
std::optional<char> character_of(std::string_view reference) {
  constexpr std::pair<std::string_view, char> kNamed[] = {
      {"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}};
  for (const auto& [name, character] : kNamed)
    if (reference == name) return character;
  if (!reference.starts_with('#')) return std::nullopt;
  const auto code = parse_unsigned(reference.substr(1));
  if (!code || *code < 0x20 || *code > 0x7e) return std::nullopt;
  return static_cast<char>(*code);
}

}  // namespace

std::string html_title(std::string_view start) {
  const std::size_t element = find_word(start, "<title>");
  if (element == std::string_view::npos) return {};
  const std::size_t from = element + std::string_view("<title>").size();
  const std::size_t end = find_word(start, "</title>", from);
  if (end == std::string_view::npos) return {};
  const std::string_view raw = start.substr(from, std::min(end - from, kTitleLimitBytes));
  std::string title;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (const std::size_t stop = raw.find(';', i); raw[i] == '&' && stop != std::string_view::npos) {
      if (const auto character = character_of(raw.substr(i + 1, stop - i - 1))) {
        title += *character;
        i = stop;
        continue;
      }
    }
    title += raw[i] == '\n' || raw[i] == '\t' ? ' ' : raw[i];
  }
  return printable(trim(title));
}

bool Shelf::takes(std::string_view name) {
  return is_plain_name(name) && kind_of(name);
}

Shelf::Shelf(std::string folder, ShelfReaders readers)
    : folder_(std::move(folder)), readers_(std::move(readers)) {}

std::optional<Shelf::Version> Shelf::version_of(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  Version version{static_cast<std::uint64_t>(status.st_size), changed_ns(status)};
  // A recording that is being written grows in the file beside it first.
  struct stat log {};
  if (::lstat((path + "-wal").c_str(), &log) == 0 && S_ISREG(log.st_mode)) {
    version.size_bytes += static_cast<std::uint64_t>(log.st_size);
    version.changed_wall_ns = std::max(version.changed_wall_ns, changed_ns(log));
  }
  return version;
}

std::optional<ShelfFile> Shelf::describe(const std::string& name, const Version& version) {
  const std::string path = folder_ + "/" + name;
  ShelfFile file;
  file.name = name;
  file.kind = *kind_of(name);
  file.size_bytes = version.size_bytes;
  file.changed_wall_ns = version.changed_wall_ns;
  if (file.kind == ShelfKind::report) {
    auto start = read_start(path, kTitleWithinBytes);
    if (!start) return std::nullopt;
    file.title = html_title(*start);
    return file;
  }
  if (file.kind == ShelfKind::capture)
    return readers_.capture_page && begins_as_capture(path) ? std::optional(file) : std::nullopt;
  if (file.kind == ShelfKind::records) {
    auto title = readers_.records_title ? readers_.records_title(path) : std::nullopt;
    if (!title) return std::nullopt;
    file.title = std::move(*title);
    return file;
  }
  const auto opened = record::Recording::open(path);
  if (!opened) return std::nullopt;
  const record::Recording& recording = **opened;
  file.host = recording.info().host;
  file.command = recording.info().command;
  file.start_wall_ns = recording.info().start.wall_ns;
  file.samples = recording.sample_count();
  if (const auto first = recording.first_time(), last = recording.last_time(); first && last) {
    file.start_wall_ns = first->wall_ns;
    file.duration_s = static_cast<double>(last->monotonic_ns - first->monotonic_ns) /
                      static_cast<double>(kNanosecondsPerSecond);
  }
  return file;
}

Result<ShelfList> Shelf::list() {
  DIR* const folder = ::opendir(folder_.c_str());
  if (folder == nullptr) return system_failure(errno, "open folder " + printable(folder_));
  std::vector<std::pair<std::string, Version>> found;
  for (std::size_t seen = 0; seen < kNameLimit; ++seen) {
    const dirent* const entry = ::readdir(folder);
    if (entry == nullptr) break;
    std::string name = entry->d_name;
    if (!is_plain_name(name) || !kind_of(name)) continue;
    if (const auto version = version_of(folder_ + "/" + name)) found.emplace_back(std::move(name), *version);
  }
  ::closedir(folder);
  std::ranges::sort(found, [](const auto& a, const auto& b) {
    return std::pair(b.second.changed_wall_ns, std::string_view(a.first)) <
           std::pair(a.second.changed_wall_ns, std::string_view(b.first));
  });

  ShelfList list;
  if (found.size() > kListLimit) list.left_out = found.size() - kListLimit;
  found.resize(std::min(found.size(), kListLimit));
  const std::lock_guard lock(list_mutex_);
  std::map<std::string, Known> known;  // of what is still there
  for (const auto& [name, version] : found) {
    const auto before = known_.find(name);
    Known now = before != known_.end() && before->second.version == version
                    ? std::move(before->second)
                    : Known{version, describe(name, version)};
    if (now.file) list.files.push_back(*now.file);
    known.emplace(name, std::move(now));
  }
  known_ = std::move(known);
  return list;
}

Result<std::shared_ptr<const RecordedFeed>> Shelf::open(const std::string& name) {
  const std::string path = folder_ + "/" + name;
  if (!is_plain_name(name) || kind_of(name) != ShelfKind::recording) return no_such_file(name);
  const auto version = version_of(path);
  if (!version) return no_such_file(name);
  const std::lock_guard lock(open_mutex_);
  const auto found = std::ranges::find(opened_, name, &Opened::name);
  if (found != opened_.end() && found->version == *version) {
    opened_.splice(opened_.begin(), opened_, found);
    return opened_.front().feed;
  }
  if (found != opened_.end()) opened_.erase(found);
  while (opened_.size() >= kOpenLimit) opened_.pop_back();
  auto loaded = load_recording(path, kOpenBudgetBytes);
  if (!loaded) return Failure(std::move(loaded.error()));
  opened_.push_front({name, *version, std::move(*loaded)});
  return opened_.front().feed;
}

Result<std::optional<std::string>> Shelf::made_page(const std::string& name, ShelfKind kind) {
  const std::string path = folder_ + "/" + name;
  const auto version = version_of(path);
  const bool has_reader =
      kind == ShelfKind::capture ? bool{readers_.capture_page} : bool{readers_.records_page};
  if (!version || !has_reader) return no_such_file(name);
  const std::unique_lock lock(page_mutex_, std::try_to_lock);
  if (!lock.owns_lock()) return std::optional<std::string>();
  if (page_.name != name || page_.version != *version) {
    auto text = kind == ShelfKind::capture ? capture_page(name) : readers_.records_page(path);
    if (!text) return Failure(std::move(text.error()));
    page_ = {name, *version, std::move(*text)};
  }
  return std::optional(page_.text);
}

Result<std::string> Shelf::capture_page(const std::string& name) const {
  const auto file = open_plain(folder_ + "/" + name);
  if (!file) return Failure(file.error());
  return readers_.capture_page(name, file->get());
}

Result<std::optional<std::string>> Shelf::report(const std::string& name) {
  const auto kind = is_plain_name(name) ? kind_of(name) : std::nullopt;
  if (kind == ShelfKind::records || kind == ShelfKind::capture) return made_page(name, *kind);
  if (kind != ShelfKind::report) return no_such_file(name);
  auto page = read_start(folder_ + "/" + name, kReportLimitBytes + 1);
  if (!page) return no_such_file(name);
  if (page->size() > kReportLimitBytes)
    return failure(ErrorKind::failed, printable(name) + " is larger than 64 MiB",
                   "open it in the browser as a file");
  return std::optional(std::move(*page));
}

}  // namespace isotach::view
