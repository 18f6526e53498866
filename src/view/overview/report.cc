#include "view/overview/report.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "base/units.h"
#include "view/overview/paint.h"
#include "view/overview/sections.h"
#include "view/table/table.h"

namespace isotach::view {
namespace {

// A report is read by people; all of a large machine's devices are in --json.
constexpr std::size_t kRowLimit = 24;
constexpr int kIndent = 2;

std::string bytes(Number value) {
  return quantity_text(value, Unit::bytes);
}
std::string bytes_rate(Number value) {
  return quantity_text(value, Unit::bytes_per_second);
}
std::string bits_rate(Number value) {
  return quantity_text(value, Unit::bits_per_second);
}
std::string count(Number value) {
  return quantity_text(value, Unit::count);
}

std::string share_of(Number part, Number whole) {
  if (!part || !whole || *whole <= 0) return "-";
  return percent_text(*part / *whole);
}

// Collects lines with styles and writes them with or without colour.
class Page {
 public:
  explicit Page(const ReportLook& look) : look_(look) {}

  void heading(std::string_view text) {
    if (!text_.empty()) text_ += '\n';
    line(0, text, Style::title);
  }

  void line(int indent, std::string_view text, Style style = Style::plain) {
    Grid grid(std::max(look_.columns, indent + 1), 1);
    grid.write(indent, 0, text, style, true);
    text_ += look_.color ? grid.text_with_color() : grid.text();
  }

  // Broken at blanks, each further line under the first.
  void paragraph(int indent, std::string_view text, Style style = Style::plain) {
    std::string current;
    const int room = std::max(look_.columns - indent, 16);
    for (const std::string_view word : split_blanks(text)) {
      if (!current.empty() &&
          display_width(current) + display_width(word) + 1 > static_cast<std::size_t>(room)) {
        line(indent, current, style);
        current.clear();
      }
      if (!current.empty()) current += ' ';
      current += word;
    }
    if (!current.empty()) line(indent, current, style);
  }

  void table(const Table& table) {
    Grid grid(look_.columns, static_cast<int>(table.row_count()) + 1);
    const int rows = table.draw(grid, kIndent, 0);
    std::string text = look_.color ? grid.text_with_color() : grid.text();
    // draw() leaves the head out where there is none; the lines below the table are not part of it.
    std::size_t end = 0;
    for (int i = 0; i < rows; ++i) end = text.find('\n', end) + 1;
    text_.append(text, 0, end);
  }

  void left_out(std::size_t all, std::string_view what) {
    if (all > kRowLimit)
      line(kIndent, fmt::format("and {} more {} (--json has all)", all - kRowLimit, what), Style::dim);
  }

  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  ReportLook look_;
  std::string text_;
};

std::string limits_text(const GroupLimits& limits) {
  std::string text;
  if (limits.memory_bytes) text = bytes(limits.memory_bytes) + " of memory";
  if (limits.cpus) text += fmt::format("{}{:.3g} CPUs", text.empty() ? "" : " and ", *limits.cpus);
  return text;
}

void write_head(Page& page, const OverviewModel& model) {
  std::string text = "isotach health report";
  if (!model.host.empty()) text += " of " + printable(model.host);
  if (!model.source.empty()) text += " from " + printable(model.source);
  page.line(0, text, Style::bold);
  std::string facts = format_wall_time_local(model.time.wall_ns);
  if (!model.kernel_release.empty()) facts += ", Linux " + printable(model.kernel_release);
  if (model.uptime_s) facts += ", up " + format_duration_ns(*model.uptime_s * 1e9);
  if (model.interval_s > 0) facts += ", rates over " + format_duration_ns(model.interval_s * 1e9);
  page.paragraph(0, facts, Style::dim);
  if (const std::string limits = limits_text(model.limits); !limits.empty())
    page.paragraph(0, "programs started here may use " + limits + " (control group)");
}

void write_cpu(Page& page, const CpuArea& cpu) {
  page.heading("CPU");
  Table table({{"", Align::left}, {"busy"}, {"user"}, {"system"}, {"iowait"}, {"steal"}});
  const auto row = [&](std::string name, const CpuShares& shares) {
    table.row({std::move(name), percent_text(shares.busy), percent_text(shares.user),
               percent_text(shares.system), percent_text(shares.iowait), percent_text(shares.steal)});
  };
  row("all", cpu.all);
  for (std::size_t i = 0; i < std::min(cpu.each.size(), kRowLimit); ++i)
    row(fmt::format("cpu {}", cpu.each[i].number), cpu.each[i]);
  page.table(table);
  page.left_out(cpu.each.size(), "CPUs");
  std::string facts;
  if (cpu.load_1_minute && cpu.load_5_minutes && cpu.load_15_minutes)
    facts = fmt::format("load {:.2f} {:.2f} {:.2f}, ", *cpu.load_1_minute, *cpu.load_5_minutes,
                        *cpu.load_15_minutes);
  facts += fmt::format("{} tasks running, {} waiting for a disk, {} context switches/s, {} interrupts/s",
                       count(cpu.running), count(cpu.blocked), count(cpu.context_switches_per_second),
                       count(cpu.interrupts_per_second));
  page.paragraph(kIndent, facts);
}

void write_memory(Page& page, const MemoryArea& memory) {
  page.heading("Memory");
  Table table({{"", Align::left}, {"", Align::quantity}, {""}, {"", Align::left, 1, 12}});
  const auto row = [&](const char* name, Number value, const char* meaning) {
    table.row({name, bytes(value), share_of(value, memory.total_bytes), {meaning, Style::dim}});
  };
  row("total", memory.total_bytes, "what the kernel manages");
  row("used", memory.used_bytes, "total less available");
  row("available", memory.available_bytes, "what programs can still get without swapping");
  row("free", memory.free_bytes, "what nothing uses");
  row("buffers", memory.buffers_bytes, "cached blocks of raw disks");
  row("cache", memory.cache_bytes, "cached files; given back when needed");
  row("shared", memory.shared_bytes, "shared memory and tmpfs");
  row("dirty", memory.dirty_bytes, "waiting to be written to disk");
  page.table(table);
}

void write_swap(Page& page, const SwapArea& swap) {
  page.heading("Swap");
  if (!swap.total_bytes) return page.line(kIndent, "unknown");
  if (*swap.total_bytes <= 0) return page.line(kIndent, "none");
  page.paragraph(kIndent,
                 fmt::format("{} of {} used ({}), {} in, {} out", bytes(swap.used_bytes),
                             bytes(swap.total_bytes), share_of(swap.used_bytes, swap.total_bytes),
                             bytes_rate(swap.in_bytes_per_second), bytes_rate(swap.out_bytes_per_second)));
  Table table(
      {{"area", Align::left, 0, 12}, {"used", Align::quantity}, {"size", Align::quantity}, {"priority"}});
  for (std::size_t i = 0; i < std::min(swap.devices.size(), kRowLimit); ++i) {
    const SwapArea::Device& device = swap.devices[i];
    table.row({device.name, bytes(device.used_bytes), bytes(device.size_bytes), count(device.priority)});
  }
  if (table.row_count() > 0) page.table(table);
  page.left_out(swap.devices.size(), "swap areas");
}

void write_ksm(Page& page, const KsmArea& ksm) {
  page.heading("Page merging (KSM)");
  if (!ksm.run) return page.line(kIndent, "not offered by this kernel");
  const char* state = *ksm.run == 1 ? "running" : (*ksm.run == 2 ? "being undone" : "off");
  if (*ksm.run == 0 && ksm.shared_bytes.value_or(0) <= 0) return page.line(kIndent, state);
  std::string profit = "unknown profit";
  if (ksm.profit_bytes)
    profit = *ksm.profit_bytes < 0 ? "a loss of " + bytes(-*ksm.profit_bytes)
                                   : "a profit of " + bytes(ksm.profit_bytes);
  page.paragraph(kIndent, fmt::format("{}, saves {} for {} shared, {}, {} pages scanned/s", state,
                                      bytes(ksm.saved_bytes), bytes(ksm.shared_bytes), profit,
                                      count(ksm.scanned_per_second)));
}

void write_pressure(Page& page, const OverviewModel& model) {
  page.heading("Pressure");
  const PressureArea* areas[] = {&model.cpu_pressure, &model.memory_pressure, &model.io_pressure};
  if (std::none_of(std::begin(areas), std::end(areas),
                   [](const PressureArea* area) { return area->some.now || area->some.average_10s; }))
    return page.line(kIndent, "not told by this kernel (PSI)");
  Table table({{"share of time waiting for", Align::left},
               {"some task"},
               {"all tasks"},
               {"some, 10 s"},
               {"all, 10 s"}});
  const char* names[] = {"cpu", "memory", "io"};
  for (std::size_t i = 0; i < 3; ++i)
    table.row({names[i], percent_text(areas[i]->some.now), percent_text(areas[i]->full.now),
               percent_text(areas[i]->some.average_10s), percent_text(areas[i]->full.average_10s)});
  page.table(table);
}

std::string link_text(const InterfaceArea& interface) {
  if (interface.up == false) return "down";
  std::string text = interface.up == true ? "up" : "-";
  if (interface.speed_bits_per_second) text += " " + format_bits_per_second(*interface.speed_bits_per_second);
  if (interface.full_duplex == false) text += " half duplex";
  return text;
}

void write_network(Page& page, const OverviewModel& model) {
  page.heading("Network");
  if (model.interfaces.empty()) return page.line(kIndent, "no interface");
  Table table({{"interface", Align::left, 0, 8},
               {"received", Align::quantity},
               {"sent", Align::quantity},
               {"packets in/s", Align::right, 4},
               {"packets out/s", Align::right, 5},
               {"errors/s", Align::right, 2},
               {"drops/s", Align::right, 3},
               {"link", Align::left, 1},
               {"used", Align::right, 1}});
  for (std::size_t i = 0; i < std::min(model.interfaces.size(), kRowLimit); ++i) {
    const InterfaceArea& one = model.interfaces[i];
    table.row({one.name, bits_rate(one.receive_bits_per_second), bits_rate(one.transmit_bits_per_second),
               count(one.receive_packets_per_second), count(one.transmit_packets_per_second),
               count(one.errors_per_second), count(one.drops_per_second), link_text(one),
               percent_text(one.link_share)});
  }
  page.table(table);
  page.left_out(model.interfaces.size(), "interfaces");
}

void write_disks(Page& page, const OverviewModel& model) {
  page.heading("Disks");
  if (model.disks.empty()) return page.line(kIndent, "none");
  Table table({{"disk", Align::left, 0, 8},
               {"read", Align::quantity},
               {"written", Align::quantity},
               {"requests/s", Align::right, 2},
               {"latency", Align::quantity, 1},
               {"busy"}});
  for (std::size_t i = 0; i < std::min(model.disks.size(), kRowLimit); ++i) {
    const DiskArea& one = model.disks[i];
    table.row({one.name, bytes_rate(one.read_bytes_per_second), bytes_rate(one.write_bytes_per_second),
               count(one.requests_per_second), quantity_text(one.latency_s, Unit::seconds),
               percent_text(one.busy)});
  }
  page.table(table);
  page.left_out(model.disks.size(), "disks");
}

void write_findings(Page& page, const OverviewModel& model) {
  page.heading("Verdict");
  const auto worst = worst_severity(model);
  const std::string verdict = verdict_text(model, false);
  if (!worst || *worst == FindingSeverity::info) {
    page.line(kIndent, verdict, Style::good);
  } else {
    page.line(kIndent, verdict, severity_look(*worst, true).style);
  }
  for (const FindingText& finding : model.findings) {
    const SeverityLook look = severity_look(finding.severity, true);
    page.paragraph(kIndent,
                   fmt::format("{}: {} [{}]", severity_word(finding.severity), finding.title, finding.id),
                   finding.severity == FindingSeverity::info ? Style::plain : look.style);
    page.paragraph(kIndent + 4, finding.evidence);
    page.paragraph(kIndent + 4, "next: " + finding.remedy, Style::dim);
  }
  for (const std::string& missing : model.not_checked)
    page.paragraph(kIndent, "not checked: " + missing, Style::dim);
}

}  // namespace

std::string report_text(const OverviewModel& model, const ReportLook& look) {
  ReportLook bounded = look;
  bounded.columns = std::clamp(look.columns, 20, 200);
  Page page(bounded);
  write_head(page, model);
  write_cpu(page, model.cpu);
  write_memory(page, model.memory);
  write_swap(page, model.swap);
  write_ksm(page, model.ksm);
  write_pressure(page, model);
  write_network(page, model);
  write_disks(page, model);
  write_findings(page, model);
  return page.take();
}

}  // namespace isotach::view
