// What another program prints and claims to be vmstat's.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "command/plot_vmstat_input.h"
#include "record/derive.h"
#include "view/plot/picture.h"
#include "view/plot/plot_model.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace isotach;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  command::VmstatParser parser;
  command::LineSplitter lines;
  record::SeriesTable table;
  command::VmstatSeries series(table, 1024, std::uint64_t{16} << 30);
  view::PlotModel model(table);
  std::uint64_t count = 0;
  record::Sample sample;
  const auto take = [&](std::string_view line) {
    ++count;
    CHECK(line.size() <= command::LineSplitter::kLineLimit);
    if (parser.line(line) != command::VmstatParser::Kind::row) return;
    const auto& row = parser.row();
    CHECK(row[command::VmstatColumn::free]);
    CHECK(!row[command::VmstatColumn::used]);
    sample.points.clear();
    sample.time.monotonic_ns = row.wall_ns.value_or(sample.time.monotonic_ns + 1);
    series.put(row, parser.rows() == 1, sample);
    for (record::SeriesId id = 0; id < table.size(); ++id) model.add(id);
    model.append(sample);
  };
  lines.feed(text, take);
  lines.finish(take);
  CHECK(parser.rows() + parser.unknown_lines() <= count);
  if (parser.rows() == 0) return 0;
  const std::string svg = view::svg_of(model.whole_figure(), 320, 200);
  CHECK(svg.find("nan") == std::string::npos);
  CHECK(svg.ends_with("</svg>\n"));
  return 0;
}
