// What the user asked of `isotach plot`, checked as far as it can be without measuring.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "command/common_options.h"
#include "command/plot_selection.h"
#include "command/spec.h"
#include "view/plot/dot_raster.h"
#include "view/plot/range.h"

namespace isotach::command {

struct PlotOptions {
  PlotSourceKind source = PlotSourceKind::live;
  std::string recording_path;  // for PlotSourceKind::recording
  std::vector<std::string> metrics;

  std::int64_t interval_ns = 500'000'000;
  bool interval_given = false;
  std::optional<std::uint64_t> count;
  std::optional<std::int64_t> duration_ns;
  std::int64_t window_ns = 60'000'000'000;
  bool window_given = false;

  std::optional<std::string> fixed;    // "LOW:HIGH" as typed; its unit is known with the metrics
  std::optional<view::DotStyle> dots;  // nothing: what the terminal can show
  bool clock = false;                  // the time of day on the time axis
  int width = 960, height = 480;       // of SVG and PNG
  std::string title;                   // empty: made from the metrics
  std::string svg_path, png_path, record_path;
  Format format = Format::table;
  std::string proc_root;

  double vmstat_unit_bytes = 1024;
  std::optional<std::uint64_t> total_bytes;
  std::vector<std::string> command;

  // Whether the end is known beforehand, so that Ctrl-C cuts it short.
  [[nodiscard]] bool is_planned() const { return count || duration_ns; }
};

[[nodiscard]] std::vector<OptionSpec> plot_option_specs();
[[nodiscard]] Result<PlotOptions> plot_options_of(const Arguments& arguments);

// "LOW:HIGH" in a unit: "0:8Gi", "0:100%", "-5:5", "0:10ms".
[[nodiscard]] Result<view::Range> parse_fixed_range(const std::string& text, Unit unit);

}  // namespace isotach::command
