#include "kernel/compressed_swap.h"

#include <dirent.h>

#include <algorithm>
#include <memory>

#include "base/fd.h"
#include "base/text.h"
#include "kernel/key_value.h"

namespace isotach::kernel {
namespace {

constexpr std::size_t kLimitBytes = 65536;
constexpr std::size_t kDeviceLimit = 1024;

struct FolderCloser {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

std::string read_text(const std::string& path) {
  const auto text = read_file(path, kLimitBytes);
  return text ? std::string(trim(*text)) : std::string();
}

Value read_number(const std::string& path) {
  const auto text = read_file(path, kLimitBytes);
  if (!text)
    return text.error().kind == ErrorKind::not_permitted ? Missing::not_permitted : Missing::not_supported;
  const auto number = parse_unsigned(trim(*text));
  return number ? Value::of(*number) : Value(Missing::malformed);
}

}  // namespace

AlgorithmChoice parse_algorithms(std::string_view text) {
  AlgorithmChoice choice;
  for (std::string_view word : split_blanks(trim(text))) {
    if (word.starts_with('[') && word.ends_with(']') && word.size() > 2) {
      word = word.substr(1, word.size() - 2);
      choice.chosen = std::string(word);
    }
    choice.offered.emplace_back(word);
  }
  return choice;
}

void parse_zram_statistics(std::string_view text, std::array<Value, kZramFieldCount>& values) {
  values.fill(Missing::not_supported);
  const auto words = split_blanks(trim(text.substr(0, text.find('\n'))));
  for (std::size_t i = 0; i < std::min(words.size(), values.size()); ++i) {
    const auto number = parse_unsigned(words[i]);
    values[i] = number ? Value::of(*number) : Value(Missing::malformed);
  }
}

std::vector<ZramDevice> read_zram_devices(const SystemRoot& root) {
  std::vector<unsigned> numbers;
  const std::string blocks = root.path("sys/block");
  const std::unique_ptr<DIR, FolderCloser> folder(::opendir(blocks.c_str()));
  while (const dirent* entry = folder != nullptr ? ::readdir(folder.get()) : nullptr) {
    const std::string_view name = entry->d_name;
    if (!name.starts_with("zram") || numbers.size() == kDeviceLimit) continue;
    const auto number = parse_unsigned(name.substr(4));
    if (number && *number < 1'000'000) numbers.push_back(static_cast<unsigned>(*number));
  }
  std::sort(numbers.begin(), numbers.end());
  std::vector<ZramDevice> devices;
  for (const unsigned number : numbers) {
    ZramDevice device;
    device.name = "zram" + std::to_string(number);
    const std::string path = blocks + '/' + device.name;
    device.disk_bytes = read_number(path + "/disksize");
    device.algorithms = parse_algorithms(read_text(path + "/comp_algorithm"));
    parse_zram_statistics(read_text(path + "/mm_stat"), device.values);
    devices.push_back(std::move(device));
  }
  return devices;
}

Zswap read_zswap(const SystemRoot& root) {
  const std::string path = root.path("sys/module/zswap/parameters");
  Zswap zswap;
  const std::string enabled = read_text(path + "/enabled");
  zswap.supported = !enabled.empty();
  zswap.enabled = enabled == "Y" || enabled == "1";
  zswap.compressor = read_text(path + "/compressor");
  zswap.max_pool_percent = read_number(path + "/max_pool_percent");
  return zswap;
}

}  // namespace isotach::kernel
