// isotach ksm demo: what was asked, what was measured, and how it is shown.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "command/common_options.h"
#include "command/context.h"
#include "command/ksm/change.h"
#include "kernel/ksm_trace.h"
#include "memory/ksm/course.h"
#include "memory/ksm/merge_time.h"
#include "view/plot/figure.h"
#include "view/report/report.h"

namespace isotach::command {

struct DemoOptions {
  std::uint64_t pages = 131072;
  std::vector<std::string> words;  // settings as typed
  kernel::KsmUnmerge unmerge = kernel::KsmUnmerge::never;
  bool force = false;
  std::int64_t interval_ns = 20'000'000;
  std::optional<std::int64_t> hold_ns;  // nothing: until all is merged
  bool write = false;                   // to every page at the end
  bool trace = true;
  bool dry_run = false;
  Format format = Format::table;
  std::string report_path, svg_path, png_path;
};

struct DemoTrace {
  std::string why_not;                            // empty where the kernel was asked
  std::optional<std::int64_t> first_ns, last_ns;  // since the first sample
  std::uint64_t merged = 0, failed = 0, lost = 0;
  std::vector<std::int64_t> scans_ended_ns;
};

struct DemoResult {
  Instant begin;  // of the first sample
  std::uint64_t pages = 0;
  std::uint64_t page_size_bytes = 4096;
  std::int64_t interval_ns = 0;
  kernel::KsmValues settings;  // in force
  std::vector<KsmWrite> writes;
  memory::MergeTime predicted;
  std::vector<memory::MergeSample> samples;
  // What the program said of itself, since the first sample.
  std::optional<std::int64_t> mapped_ns, filled_ns, offered_ns, writing_ns, written_ns, unmapping_ns;
  DemoTrace trace;
  bool interrupted = false;
  std::uint64_t missed_samples = 0;
  double own_cpu_share = 0;  // of one processor, for measuring

  memory::MergeCourse course;
  std::vector<memory::MergeMoment> moments;
  std::vector<memory::MergeIdentity> identities;
  std::optional<memory::MergeAgreement> agreement;
};

// Changes the settings, runs the program and takes samples until it has ended; the settings are as before
// when it returns.
[[nodiscard]] Result<DemoResult> measure_demo(Context& context, const DemoOptions& options,
                                              const kernel::KsmValues& wanted);

// From the moment in which the program offered its pages to the last merged; nothing when not all was seen.
[[nodiscard]] std::optional<std::int64_t> merging_took_ns(const DemoResult& result);
// What happened, in sentences computed from the samples.
[[nodiscard]] std::vector<std::string> demo_story(const DemoResult& result);
[[nodiscard]] view::Figure demo_figure(const DemoResult& result, const std::string& host);
[[nodiscard]] view::Report demo_report(const DemoResult& result, const std::string& host);
void print_demo(Context& context, const DemoResult& result, Format format);

}  // namespace isotach::command
