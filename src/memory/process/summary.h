// What remains of a followed process: its peaks and totals. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "memory/process/row.h"

namespace isotach::memory {

class ProcessSummary {
 public:
  struct Peak {
    std::uint64_t bytes = 0;
    Instant time;  // of the sample that saw it, or of the first after it
  };

  void add(const ProcessRow& row, Instant time);

  [[nodiscard]] unsigned pid() const { return pid_; }
  [[nodiscard]] const std::string& command() const { return command_; }  // as it was last seen
  [[nodiscard]] std::uint64_t samples() const { return samples_; }
  [[nodiscard]] Instant first_time() const { return first_time_; }
  [[nodiscard]] Instant last_time() const { return last_time_; }
  // The largest value seen while the process was followed; nothing where there never was one. The
  // kernel keeps the peak of RSS itself, so that one between two samples counts as well.
  [[nodiscard]] const std::optional<Peak>& resident_peak() const { return resident_; }
  [[nodiscard]] const std::optional<Peak>& proportional_peak() const { return proportional_; }
  [[nodiscard]] const std::optional<Peak>& swap_peak() const { return swap_; }
  [[nodiscard]] const std::optional<Peak>& heap_peak() const { return heap_; }
  // Growth while the process was followed; with `from_start` all since it started.
  [[nodiscard]] std::optional<std::uint64_t> minor_faults(bool from_start) const;
  [[nodiscard]] std::optional<std::uint64_t> major_faults(bool from_start) const;
  [[nodiscard]] std::optional<double> cpu_seconds(bool from_start) const;
  // Takes the counters of a process that has ended.
  void add_last_counters(const ProcessRow& row, Instant time);

 private:
  unsigned pid_ = 0;
  std::string command_;
  std::uint64_t samples_ = 0;
  Instant first_time_, last_time_;
  std::optional<std::uint64_t> kernel_peak_;
  std::optional<Peak> resident_, proportional_, swap_, heap_;
  ProcessRow first_, last_;
};

}  // namespace isotach::memory
