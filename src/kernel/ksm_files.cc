#include "kernel/ksm_files.h"

#include <dirent.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <memory>

#include "base/fd.h"
#include "base/text.h"
#include "kernel/kept_file.h"
#include "kernel/ksm_settings.h"

namespace isotach::kernel {
namespace {

constexpr std::size_t kFileLimit = 1024;
constexpr std::size_t kTextLimitBytes = 65536;

Value number_of(std::string_view text) {
  if (const auto number = parse_unsigned(text)) return Value::of(*number);
  std::int64_t negative = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, negative);
  if (text.empty() || error != std::errc{} || stopped != end) return Missing::malformed;
  return Value::of_signed(negative);
}

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

}  // namespace

Result<std::vector<KsmFile>> read_ksm_files(const SystemRoot& root) {
  const std::string folder = root.path("sys/kernel/mm/ksm");
  const std::unique_ptr<DIR, CloseFolder> entries(::opendir(folder.c_str()));
  if (!entries) {
    const int failed = errno;
    if (failed == ENOENT) return tl::make_unexpected(no_ksm(folder));
    return system_failure(failed, "list " + folder);
  }
  std::vector<KsmFile> files;
  while (const dirent* entry = ::readdir(entries.get())) {
    KsmFile file;
    file.name = entry->d_name;
    if (file.name.starts_with('.') || files.size() >= kFileLimit) continue;
    file.writable = is_ksm_setting(folder, file.name);
    if (auto text = read_file(folder + '/' + file.name, kTextLimitBytes)) {
      file.text = std::string(trim(*text));
      file.value = number_of(file.text);
    } else {
      file.value = missing_reason(text.error());
    }
    files.push_back(std::move(file));
  }
  std::sort(files.begin(), files.end(), [](const KsmFile& a, const KsmFile& b) { return a.name < b.name; });
  return files;
}

}  // namespace isotach::kernel
