// What users and files of theirs say in a few words: links of an emulated path (which come through a socket
// too), changes of an interface, lists of numbers, moments, sizes, addresses, findings to keep silent about,
// and the options of every command. The first byte chooses the parser.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/text.h"
#include "command/connections/selection.h"
#include "command/doctor/silence.h"
#include "command/ipfix_collector.h"
#include "command/plot_options.h"
#include "command/replay_time.h"
#include "command/spec.h"
#include "command/traffic/rotated_log.h"
#include "instrument/filter.h"
#include "network/emulator/settings.h"
#include "network/link/change_words.h"

namespace {

using namespace isotach;

bool is_share(double value) {
  return value >= 0 && value <= 1;
}

bool is_amount(double value) {
  return std::isfinite(value) && value >= 0;
}

void emulated_path(std::string_view text) {
  emulator::PathSettings path(3);
  for (const std::string_view line : split(text, '\n')) static_cast<void>(emulator::apply_words(path, line));
  CHECK(path.size() == 3);
  for (const emulator::LinkSettings& link : path) {
    for (const emulator::WaySettings& way : link.ways) {
      CHECK(is_amount(way.rate_bps) && is_amount(way.delay_ns) && is_amount(way.jitter_ns));
      CHECK(is_amount(way.queue_bytes) && is_amount(way.queue_ns) && is_amount(way.cross.rate_bps));
      CHECK(is_share(way.loss) && is_share(way.reorder) && is_share(way.duplicate));
      CHECK(way.mtu_bytes > 0 && way.mtu_bytes <= emulator::kMostMtuBytes);
    }
  }
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  for (const std::string_view word : split(text, '\n')) words.emplace_back(word);
  return words;
}

// The second byte chooses the command.
void options(std::string_view text) {
  if (text.empty()) return;
  const auto& commands = command::all_commands();
  const auto which = static_cast<unsigned char>(text[0]) % commands.size();
  static_cast<void>(command::parse_arguments(commands[which], words_of(text.substr(1))));
}

void small(char kind, const std::string& text) {
  if (kind == 'n') {
    if (const auto list = command::parse_number_list(text))
      for (const command::NumberRange& range : *list) CHECK(range.first >= 1 && range.first <= range.last);
  } else if (kind == 'a') {
    if (const auto range = instrument::parse_address_range(text)) CHECK(range->low < range->high);
  } else if (kind == 'R') {
    if (const auto rotation = command::parse_rotation(text))
      CHECK(rotation->bytes > 0 || rotation->age_ns > 0);
  } else if (kind == 'f') {
    if (const auto range = command::parse_fixed_range(text, Unit::bytes)) CHECK(range->low < range->high);
  } else if (kind == 'h') {
    if (const auto place = command::parse_host_and_port(text))
      CHECK(!place->host.empty() && !place->port.empty());
  } else if (kind == 'r') {
    static_cast<void>(command::parse_replay_time(text, "--seek"));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const char kind = static_cast<char>(data[0]);
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (kind) {
    case 'e':
      emulated_path(text);
      break;
    case 'c':
      static_cast<void>(network::parse_change_words(words_of(text)));
      break;
    case 's':
      for (const std::string& id : command::parse_silence_file(text)) CHECK(!id.empty());
      break;
    case 'o':
      options(text);
      break;
    default:
      small(kind, std::string(text));
      break;
  }
  return 0;
}
