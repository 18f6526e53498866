// Recordings of isotach inspect, fed in two pieces.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "instrument/filter.h"
#include "instrument/summary.h"
#include "instrument/trace_parser.h"

using namespace isotach::instrument;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  TraceSummary whole;
  TraceParser parser(whole);
  const bool good = parser.feed(bytes).has_value();

  TraceSummary chosen;
  TraceFilter filter({.images = {"ls"}}, chosen);
  TraceParser in_pieces(filter);
  const std::size_t middle = size / 3;
  const bool good_too =
      in_pieces.feed(bytes.substr(0, middle)).has_value() && in_pieces.feed(bytes.substr(middle)).has_value();
  CHECK(good == good_too);
  CHECK(chosen.total().accesses() <= whole.total().accesses());
  CHECK(whole.slices().size() <= TraceSummary::kMostSlices);
  const TraceProgram& program = parser.program();
  AccessCounts sum;
  for (const NamedUse& one : whole.images(program)) sum.add(one.use.data);
  CHECK(sum.accesses() == whole.total().accesses());
  static_cast<void>(whole.routines(program));
  static_cast<void>(whole.regions(program));
  static_cast<void>(whole.busiest_pages(program, 5));
  for (const TouchedRange& range : whole.touched(program, 3)) CHECK(range.low != range.high);
  return 0;
}
