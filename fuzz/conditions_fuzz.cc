// Conditions on connections, as people type them: read, and held against a connection.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "network/connections/condition.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace isotach::network;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto condition = Condition::parse(text);
  if (!condition) {
    CHECK(!condition.error().message().empty());
    CHECK(!condition.error().remedy.empty() || size > Condition::kMostCharacters);
    return 0;
  }
  Connection one;
  one.last_ns = 1'000'000;
  one.directions[0].rtt.add(5);
  one.directions[1].troubles().retransmitted_packets = 3;
  const ConditionSubject subject{one, 0, nullptr, nullptr};
  CHECK(condition->holds(subject) == condition->holds(subject));
  return 0;
}
