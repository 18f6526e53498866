// The page of a recording: a map of its accesses over address and time, curves and tables.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "base/text.h"
#include "base/units.h"
#include "command/inspect/summary_view.h"
#include "command/version.h"
#include "view/plot/axis.h"
#include "view/plot/picture.h"
#include "view/report/report.h"

namespace isotach::command {
namespace {

using instrument::AccessCounts;
using instrument::kPageBytes;
using instrument::NamedUse;
using instrument::TimeSlice;
using instrument::TouchedRange;
using instrument::TraceProgram;
using instrument::TraceSummary;
using view::Figure;
using view::Line;
using view::MapCell;
using view::MapRow;
using view::Panel;
using view::Report;
using view::ReportFigure;
using view::ReportSection;
using view::ReportTable;

constexpr int kMapWidth = 960, kMapHeight = 560;

// Fields of the map from below to above; it is about as many pixels high.
constexpr double kMapFields = 220;
// A stack of three pages must be seen beside a heap of thousands: at least this part of the axis is its.
constexpr double kLeastPart = 1.0 / 40;

// The touched addresses laid one behind the other: what was never touched takes no room, so that stack,
// heap and libraries fit on one axis. Where there are more pages than fields, several share one.
class AddressAxis {
 public:
  struct Field {
    std::size_t range = 0;
    std::uint64_t number = 0;  // within the range

    friend auto operator<=>(const Field&, const Field&) = default;
  };

  AddressAxis(const TraceProgram& program, const TraceSummary& summary) {
    std::vector<TouchedRange> ranges = summary.touched(program, 16);
    // So many ranges that their names would be noise: only larger gaps part them.
    for (std::uint64_t gap = 256; ranges.size() > 60 && gap <= (1u << 20); gap *= 16)
      ranges = summary.touched(program, gap);
    double pages = 0, weights = 0;
    for (const TouchedRange& range : ranges) pages += pages_of(range);
    for (const TouchedRange& range : ranges) weights += weight_of(range, pages);
    for (TouchedRange& range : ranges) {
      Part part;
      part.low = length_;
      part.high = length_ += weight_of(range, pages) / weights;
      const double fields = std::clamp(std::round(kMapFields * (part.high - part.low)), 1.0, pages_of(range));
      part.pages_per_field = static_cast<std::uint64_t>(std::ceil(pages_of(range) / fields));
      part.fields = std::ceil(pages_of(range) / static_cast<double>(part.pages_per_field));
      part.range = std::move(range);
      parts_.push_back(std::move(part));
    }
  }

  [[nodiscard]] double length() const { return length_; }
  [[nodiscard]] Field field_of(std::uint64_t page) const {
    const std::uint64_t address = page * kPageBytes;
    const auto after = std::upper_bound(parts_.begin(), parts_.end(), address,
                                        [](std::uint64_t a, const Part& b) { return a < b.range.low; });
    if (after == parts_.begin()) return {};
    const Part& part = *(after - 1);
    return {static_cast<std::size_t>(after - parts_.begin()) - 1,
            (address - part.range.low) / kPageBytes / part.pages_per_field};
  }
  [[nodiscard]] std::pair<double, double> span_of(const Field& field) const {
    const Part& part = parts_[field.range];
    const double height = (part.high - part.low) / part.fields;
    const double low = part.low + static_cast<double>(field.number) * height;
    return {low, low + height};
  }
  [[nodiscard]] std::vector<MapRow> rows() const {
    std::vector<MapRow> rows;
    for (const Part& part : parts_) {
      std::string name = part.range.region;
      if (const std::size_t slash = name.rfind('/'); slash != std::string::npos) name.erase(0, slash + 1);
      if (!rows.empty() && rows.back().name == name)
        rows.back().high = part.high;
      else
        rows.push_back({part.low, part.high, std::move(name)});
    }
    return rows;
  }

 private:
  struct Part {
    TouchedRange range;
    double low = 0, high = 0;  // on the axis
    double fields = 1;
    std::uint64_t pages_per_field = 1;
  };

  static double pages_of(const TouchedRange& range) {
    return static_cast<double>((range.high - range.low) / kPageBytes);
  }
  static double weight_of(const TouchedRange& range, double all) {
    return std::max(pages_of(range), all * kLeastPart);
  }

  std::vector<Part> parts_;
  double length_ = 0;
};

// The fields that were touched in each slice of time; neighbours in time that look the same are one.
std::vector<MapCell> map_cells(const TraceSummary& summary, const AddressAxis& axis) {
  std::vector<std::map<AddressAxis::Field, AccessCounts>> slices(summary.slices().size());
  double most = 1;
  for (std::size_t i = 0; i < slices.size(); ++i) {
    for (const auto& [page, counts] : summary.slices()[i].pages) slices[i][axis.field_of(page)].add(counts);
    for (const auto& [field, counts] : slices[i]) most = std::max(most, static_cast<double>(counts.bytes()));
  }
  std::vector<MapCell> cells;
  std::map<AddressAxis::Field, std::size_t> open;  // the last cell of each field
  for (std::size_t i = 0; i < slices.size(); ++i) {
    const std::int64_t from_ns = static_cast<std::int64_t>(i) * summary.slice_ns();
    for (const auto& [field, counts] : slices[i]) {
      // Steps of a logarithm: a page that is read once must be seen beside one that is read a million times.
      const double part = std::log(static_cast<double>(counts.bytes()) + 1) / std::log(most + 1);
      const int level = std::min(view::kMapLevels - 1, static_cast<int>(part * view::kMapLevels));
      const bool warm = counts.writes > 0;
      if (const auto last = open.find(field); last != open.end()) {
        MapCell& cell = cells[last->second];
        if (cell.to_ns == from_ns && cell.level == level && cell.warm == warm) {
          cell.to_ns += summary.slice_ns();
          continue;
        }
      }
      const auto [low, high] = axis.span_of(field);
      open[field] = cells.size();
      cells.push_back({from_ns, from_ns + summary.slice_ns(), low, high, level, warm});
    }
  }
  return cells;
}

Figure map_figure(const TraceProgram& program, const TraceSummary& summary) {
  const AddressAxis axis(program, summary);
  Figure figure;
  figure.title = "Accesses over address and time";
  figure.time_title = "time since the start";
  figure.high_ns =
      std::max<std::int64_t>(1, summary.slice_ns() * static_cast<std::int64_t>(summary.slices().size()));
  Panel panel;
  panel.map_title = "address, untouched left out";
  panel.cool_name = "only read";
  panel.warm_name = "written";
  panel.range = {0, std::max(axis.length(), 1e-9)};
  panel.rows = axis.rows();
  panel.cells = map_cells(summary, axis);
  figure.panels.push_back(std::move(panel));
  return figure;
}

Line line_of(const TraceSummary& summary, std::string name, double (*value)(const TimeSlice&), Panel& panel) {
  Line line;
  line.name = std::move(name);
  for (std::size_t i = 0; i < summary.slices().size(); ++i) {
    const double one = value(summary.slices()[i]);
    line.points.push_back({summary.slice_ns() * (2 * static_cast<std::int64_t>(i) + 1) / 2, one});
    panel.range = view::rounded_range({0, std::max(panel.range.high, one)}, panel.unit, true);
    line.latest = one;
  }
  return line;
}

Figure curves_figure(const TraceSummary& summary) {
  Figure figure;
  figure.title = "Memory in use, and moved";
  figure.subtitle = fmt::format("in each {}", format_duration_ns(static_cast<double>(summary.slice_ns())));
  figure.time_title = "time since the start";
  figure.high_ns =
      std::max<std::int64_t>(1, summary.slice_ns() * static_cast<std::int64_t>(summary.slices().size()));
  Panel used;
  used.unit = Unit::bytes;
  used.range = {0, 1};
  used.lines.push_back(line_of(
      summary, "touched pages",
      [](const TimeSlice& slice) { return static_cast<double>(slice.pages.size() * kPageBytes); }, used));
  Panel moved;
  moved.unit = Unit::bytes;
  moved.range = {0, 1};
  moved.lines.push_back(line_of(
      summary, "read",
      [](const TimeSlice& slice) {
        double bytes = 0;
        for (const auto& [page, part] : slice.pages) bytes += static_cast<double>(part.read_bytes);
        return bytes;
      },
      moved));
  moved.lines.push_back(line_of(
      summary, "written",
      [](const TimeSlice& slice) {
        double bytes = 0;
        for (const auto& [page, part] : slice.pages) bytes += static_cast<double>(part.written_bytes);
        return bytes;
      },
      moved));
  figure.panels.push_back(std::move(used));
  figure.panels.push_back(std::move(moved));
  return figure;
}

ReportTable uses_table(std::string caption, const char* head, std::vector<NamedUse> uses, std::size_t most,
                       bool pages) {
  ReportTable table;
  table.caption = std::move(caption);
  table.heads = {head, pages ? "pages" : "instructions", "reads", "read", "writes", "written"};
  if (uses.size() > most) uses.resize(most);
  for (const NamedUse& use : uses)
    table.rows.push_back({printable(use.image.empty() ? use.name : use.name + "  (" + use.image + ")"),
                          grouped(pages ? use.pages : use.use.instructions), grouped(use.use.data.reads),
                          format_bytes(static_cast<double>(use.use.data.read_bytes)),
                          grouped(use.use.data.writes),
                          format_bytes(static_cast<double>(use.use.data.written_bytes))});
  return table;
}

}  // namespace

std::string inspect_map_svg(const TraceProgram& program, const TraceSummary& summary) {
  Figure figure = map_figure(program, summary);
  figure.subtitle = command_text(program);
  return view::svg_of(figure, kMapWidth, kMapHeight);
}

std::string inspect_report(const TraceProgram& program, const TraceSummary& summary,
                           const InspectOutcome& outcome, const InspectOptions& options) {
  const AccessCounts& total = summary.total();
  Report report;
  report.title = "Inspected: " + command_text(program);
  report.subtitle = format_wall_time_local(program.head.start_wall_ns);
  report.facts = {{"process", std::to_string(program.head.pid)}};
  if (!outcome.end_text.empty()) report.facts.emplace_back("ended", outcome.end_text);
  for (const std::string& image : options.choice.images)
    report.facts.emplace_back("code of", printable(image));
  report.summary.push_back(fmt::format(
      "{} instructions; {} reads of {} and {} writes of {}, in {} pages.", grouped(summary.instructions()),
      grouped(total.reads), format_bytes(static_cast<double>(total.read_bytes)), grouped(total.writes),
      format_bytes(static_cast<double>(total.written_bytes)), grouped(summary.pages_touched())));
  const auto routines = summary.routines(program);
  if (!routines.empty())
    report.summary.push_back(fmt::format(
        "The busiest routine is {}{}.", printable(routines.front().name),
        routines.front().image.empty() ? std::string() : " of " + printable(routines.front().image)));
  if (!outcome.damage.empty()) report.summary.push_back("Incomplete: " + printable(outcome.damage) + ".");
  if (program.head.sample_period > 1)
    report.summary.push_back(
        fmt::format("Sampled: one burst of instructions in {}.", program.head.sample_period));

  if (total.accesses() > 0) {
    ReportSection map;
    map.title = "Where and when";
    map.figures.push_back(
        {map_figure(program, summary),
         "Each field is a stretch of memory in a slice of time. Orange fields were written, "
         "blue ones only read; the darker, the more bytes, in steps of a logarithm.",
         kMapWidth, kMapHeight});
    map.figures.push_back({curves_figure(summary),
                           "How much memory was touched within each slice of time, and how many bytes moved.",
                           960, 380});
    report.sections.push_back(std::move(map));
  }
  ReportSection code;
  code.title = "Code";
  code.tables.push_back(uses_table("Routines, the busiest first", "routine", routines,
                                   std::max<std::size_t>(options.top, 30), false));
  code.tables.push_back(
      uses_table("Programs and libraries", "code of", summary.images(program), options.top, false));
  report.sections.push_back(std::move(code));
  if (total.accesses() > 0) {
    ReportSection data;
    data.title = "Data";
    data.tables.push_back(
        uses_table("Where it lies", "data in", summary.regions(program), options.top, true));
    ReportTable pages;
    pages.caption = "The busiest pages";
    pages.heads = {"page", "in", "reads", "read", "writes", "written"};
    for (const auto& page : summary.busiest_pages(program, std::max<std::size_t>(options.top, 20)))
      pages.rows.push_back(
          {fmt::format("{:#x}", page.page * kPageBytes), printable(page.region), grouped(page.counts.reads),
           format_bytes(static_cast<double>(page.counts.read_bytes)), grouped(page.counts.writes),
           format_bytes(static_cast<double>(page.counts.written_bytes))});
    data.tables.push_back(std::move(pages));
    report.sections.push_back(std::move(data));
  }
  report.footer = std::string("isotach ") + kVersion;
  return view::html_of(report);
}

}  // namespace isotach::command
