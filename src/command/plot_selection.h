// Which metrics a plot shows: names, keys with labels, patterns, and ready-made groups.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "machine/reading.h"
#include "record/metric.h"
#include "record/series.h"

namespace isotach::command {

// Where the metrics come from decides what the groups hold: vmstat knows less, a recording may hold
// anything.
enum class PlotSourceKind { live, recording, vmstat };

struct PlotGroup {
  std::string_view name;
  std::string_view help;
};
[[nodiscard]] const std::vector<PlotGroup>& plot_groups();
[[nodiscard]] bool is_plot_group(std::string_view word);

// Every metric a live plot can show: those of the machine, and of a program it starts.
[[nodiscard]] std::vector<record::MetricDescriptor> plottable_metrics();

class PlotSelection {
 public:
  // `words` as typed. For live plots an unknown word is a usage error that names the nearest known
  // one; a recording is asked when its series are known (unmatched()).
  [[nodiscard]] static Result<PlotSelection> parse(const std::vector<std::string>& words,
                                                   PlotSourceKind source);

  // Selects this pattern as well, without any error where it matches nothing.
  void also(std::string pattern);

  // "Memory", "CPU, Swap", or the words: the title of the plot.
  [[nodiscard]] std::string title() const;
  // What has to be read for it.
  [[nodiscard]] machine::Parts parts() const;
  // The series of the table that are selected, in the order in which they were asked for.
  [[nodiscard]] std::vector<record::SeriesId> matching(const record::SeriesTable& table) const;
  // An error for the first word that matches nothing in the table, with what it may have meant.
  [[nodiscard]] Result<void> check_matched(const record::SeriesTable& table) const;

 private:
  struct Word {
    std::string text;                   // as typed
    std::vector<std::string> patterns;  // what it stands for
    bool group = false;
    bool optional = false;
  };
  [[nodiscard]] static std::vector<record::SeriesId> matching(const Word& word,
                                                              const record::SeriesTable& table);

  std::vector<Word> words_;
};

}  // namespace isotach::command
