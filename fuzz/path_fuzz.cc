// What a partner of isotach path sends: probes and messages.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "network/emulator/settings.h"
#include "network/path/wire.h"

using namespace isotach;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto probe = path::read_probe(data, size)) {
    std::array<std::uint8_t, path::kProbeBytes> again{};
    path::write_probe(*probe, again.data());
    CHECK(path::read_probe(again.data(), again.size())->sequence == probe->sequence);
  }
  if (const auto head = path::read_head(text)) {
    CHECK(head->size <= path::kMostMessageBytes);
    const std::string_view content = text.substr(path::kMessageHead);
    static_cast<void>(path::read_hello(content));
    static_cast<void>(path::read_welcome(content));
    static_cast<void>(path::read_report_request(content));
    if (const auto request = path::read_send_request(content); request && path::is_within_bounds(*request))
      CHECK(std::uint64_t{request->count} * request->trains <= path::kMostRecords);
    if (const auto sent = path::read_sent(content))
      CHECK(path::message(*sent).substr(path::kMessageHead) == content);
    if (const auto records = path::read_records(content))
      CHECK(path::message(*records).substr(path::kMessageHead) == content);
  }
  emulator::PathSettings settings(3);
  static_cast<void>(emulator::apply_words(settings, text));
  return 0;
}
