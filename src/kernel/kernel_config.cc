#include "kernel/kernel_config.h"

#include <dirent.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#include "base/fd.h"
#include "base/text.h"

namespace isotach::kernel {
namespace {

constexpr std::size_t kLimitBytes = std::size_t{64} << 20;
constexpr std::size_t kOstreeLimit = 64;

struct EndInflate {
  void operator()(z_stream* stream) const { ::inflateEnd(stream); }
};

// Below /usr/lib/ostree-boot the names carry a checksum: config-6.1.0-<64 digits>.
std::vector<std::string> ostree_configs(const SystemRoot& root, const std::string& release) {
  const std::string folder = root.path("usr/lib/ostree-boot");
  std::vector<std::string> found;
  DIR* entries = ::opendir(folder.c_str());
  if (entries == nullptr) return {folder + "/config-" + release};
  const std::string start = "config-" + release;
  while (const dirent* entry = ::readdir(entries))
    if (std::string_view(entry->d_name).starts_with(start) && found.size() < kOstreeLimit)
      found.push_back(folder + '/' + entry->d_name);
  ::closedir(entries);
  std::sort(found.begin(), found.end());
  if (found.empty()) found.push_back(folder + '/' + start);
  return found;
}

ConfigAnswer ask(const std::string& path, const std::string& option) {
  ConfigAnswer answer{path, std::nullopt, {}};
  auto text = read_file(path, kLimitBytes);
  if (text && path.ends_with(".gz")) text = gunzip(*text);
  if (!text) {
    answer.why = text.error().errno_value == ENOENT ? "no such file" : text.error().message();
    return answer;
  }
  answer.value = config_value(*text, option);
  if (!answer.value) answer.why = "does not name " + option;
  return answer;
}

}  // namespace

std::optional<std::string> config_value(std::string_view text, std::string_view option) {
  for (std::string_view line : split(text, '\n')) {
    line = trim(line);
    if (line.starts_with(option) && line.substr(option.size()).starts_with('=')) {
      std::string_view value = line.substr(option.size() + 1);
      if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
        value = value.substr(1, value.size() - 2);
      return std::string(value);
    }
    if (!line.starts_with("# ")) continue;
    line.remove_prefix(2);
    if (line.starts_with(option) && line.substr(option.size()) == " is not set") return "n";
  }
  return std::nullopt;
}

Result<std::string> gunzip(std::string_view packed) {
  z_stream stream{};
  constexpr int kGzip = 16;
  if (::inflateInit2(&stream, kGzip + MAX_WBITS) != Z_OK)
    return failure(ErrorKind::failed, "no memory to unpack a gzip file");
  const std::unique_ptr<z_stream, EndInflate> guard(&stream);
  // zlib promises not to write there.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(std::min<std::size_t>(packed.size(), kLimitBytes));
  std::string text;
  constexpr std::size_t kChunkBytes = 65536;
  for (;;) {
    const std::size_t had = text.size();
    if (had > kLimitBytes) return failure(ErrorKind::failed, "the gzip file unpacks to more than 64 MiB");
    text.resize(had + kChunkBytes);
    stream.next_out = reinterpret_cast<Bytef*>(text.data() + had);
    stream.avail_out = static_cast<uInt>(kChunkBytes);
    const int code = ::inflate(&stream, Z_NO_FLUSH);
    text.resize(had + kChunkBytes - stream.avail_out);
    if (code == Z_STREAM_END) return text;
    if (code != Z_OK) return failure(ErrorKind::failed, "the gzip file is damaged or cut off");
  }
}

std::vector<ConfigAnswer> look_up_config(const SystemRoot& root, const std::string& release,
                                         const std::string& option) {
  std::vector<std::string> paths = {root.path("proc/config.gz"), root.path("boot/config-" + release),
                                    root.path("lib/modules/" + release + "/config"),
                                    root.path("lib/modules/" + release + "/build/.config")};
  for (std::string& path : ostree_configs(root, release)) paths.push_back(std::move(path));
  std::vector<ConfigAnswer> answers;
  answers.reserve(paths.size());
  for (const std::string& path : paths) answers.push_back(ask(path, option));
  return answers;
}

}  // namespace isotach::kernel
