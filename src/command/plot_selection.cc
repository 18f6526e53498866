#include "command/plot_selection.h"

#include <fnmatch.h>

#include <algorithm>
#include <set>

#include "base/text.h"
#include "command/plot_vmstat_input.h"
#include "machine/metrics.h"
#include "memory/process/metrics.h"

namespace isotach::command {
namespace {

using machine::Family;

struct GroupPatterns {
  PlotGroup group;
  std::string_view title;
  std::vector<std::string> patterns;
  std::vector<std::string> vmstat_patterns;
};

const std::vector<GroupPatterns>& groups() {
  static const std::vector<GroupPatterns> all = {
      {{"memory", "free, used and buffer memory"},
       "Memory",
       {"memory_free_bytes", "memory_used_bytes", "memory_buffers_bytes"},
       // What vmstat -a prints instead of buffers and cache comes along.
       {"memory_free_bytes", "memory_used_bytes", "memory_buffers_bytes", "memory_active_bytes",
        "memory_inactive_bytes"}},
      {{"cpu", "time in programs, in the kernel, waiting, and taken by the hypervisor"},
       "CPU",
       {"cpu_user_seconds", "cpu_system_seconds", "cpu_iowait_seconds", "cpu_steal_seconds"},
       {"cpu_user_ratio", "cpu_system_ratio", "cpu_iowait_ratio", "cpu_steal_ratio"}},
      {{"swap", "swap space in use, and what goes in and out"},
       "Swap",
       {"swap_used_bytes", "swap_in_bytes", "swap_out_bytes"},
       {"swap_used_bytes", "swap_in_bytes", "swap_out_bytes"}},
      {{"ksm", "pages merged, saved, unique and changing"},
       "Page merging",
       {"ksm_pages_shared", "ksm_pages_sharing", "ksm_pages_unshared", "ksm_pages_volatile"},
       {}},
      {{"network", "what each interface receives and sends"},
       "Network",
       {"network_receive_bytes", "network_transmit_bytes"},
       {}},
      {{"disk", "what each whole disk reads and writes"},
       "Disks",
       {"disk_read_bytes", "disk_write_bytes"},
       {"paging_in_bytes", "paging_out_bytes"}},
      {{"pressure", "share of time in which some task waited for CPU, memory and disks"},
       "Pressure",
       {"pressure_cpu_some_seconds", "pressure_memory_some_seconds", "pressure_io_some_seconds"},
       {}},
  };
  return all;
}

const GroupPatterns* find_group(std::string_view word) {
  for (const GroupPatterns& candidate : groups())
    if (candidate.group.name == word) return &candidate;
  return nullptr;
}

// "network_receive_bytes" of "network_receive_bytes{interface="eth0"}".
std::string name_part(const std::string& pattern) {
  return pattern.substr(0, pattern.find('{'));
}

bool name_matches(const std::string& pattern, const std::string& name) {
  const std::string wanted = name_part(pattern);
  return wanted == name || ::fnmatch(wanted.c_str(), name.c_str(), 0) == 0;
}

Failure unknown_word(const std::string& word, std::vector<std::string> known) {
  for (const PlotGroup& group : plot_groups()) known.emplace_back(group.name);
  const auto nearest = nearest_word(name_part(word), known);
  return failure(ErrorKind::usage, "there is no metric '" + printable(word) + "'",
                 nearest ? "did you mean: " + *nearest + "?" : "see: isotach plot --list");
}

std::vector<std::string> names_of(const std::vector<record::MetricDescriptor>& metrics) {
  std::vector<std::string> names;
  for (const record::MetricDescriptor& metric : metrics) names.push_back(metric.name);
  return names;
}

// Whether a disk is a piece of another one that is shown as well, or a memory disk: a group of whole
// disks would show everything twice.
bool is_part_or_virtual(const std::string& device, const std::set<std::string>& devices) {
  if (device.starts_with("loop") || device.starts_with("ram")) return true;
  std::string whole = device;
  while (!whole.empty() && whole.back() >= '0' && whole.back() <= '9') whole.pop_back();
  if (whole.size() == device.size()) return false;
  if (devices.contains(whole)) return true;                                            // sda1 of sda
  return whole.ends_with('p') && devices.contains(whole.substr(0, whole.size() - 1));  // nvme0n1p1
}

void keep_whole_disks(std::vector<record::SeriesId>& ids, const record::SeriesTable& table) {
  const auto device = [&](record::SeriesId id) -> std::string {
    const record::Labels& labels = table.at(id).labels;
    return labels.empty() ? std::string() : labels.front().second;
  };
  std::set<std::string> devices;
  for (const record::SeriesId id : ids) devices.insert(device(id));
  std::erase_if(ids, [&](record::SeriesId id) { return is_part_or_virtual(device(id), devices); });
}

}  // namespace

const std::vector<PlotGroup>& plot_groups() {
  static const std::vector<PlotGroup> all = [] {
    std::vector<PlotGroup> list;
    for (const GroupPatterns& known : groups()) list.push_back(known.group);
    return list;
  }();
  return all;
}

bool is_plot_group(std::string_view word) {
  return find_group(word) != nullptr;
}

std::vector<record::MetricDescriptor> plottable_metrics() {
  std::vector<record::MetricDescriptor> all = machine::machine_metrics();
  const auto& process = memory::process_metrics();
  all.insert(all.end(), process.begin(), process.end());
  return all;
}

Result<PlotSelection> PlotSelection::parse(const std::vector<std::string>& words, PlotSourceKind source) {
  PlotSelection selection;
  std::vector<std::string> known;
  if (source == PlotSourceKind::live) {
    known = names_of(plottable_metrics());
  } else if (source == PlotSourceKind::vmstat) {
    for (std::size_t i = 0; i < kVmstatColumnCount; ++i)
      known.push_back(VmstatSeries::metric(static_cast<VmstatColumn>(i), 1024).name);
  }
  for (const std::string& word : words) {
    Word chosen{word, {word}, false};
    if (const GroupPatterns* found = find_group(word)) {
      chosen.group = true;
      chosen.patterns = source == PlotSourceKind::vmstat ? found->vmstat_patterns : found->patterns;
      if (chosen.patterns.empty())
        return failure(ErrorKind::usage, "vmstat prints nothing about '" + word + "'",
                       "without --from vmstat isotach reads it from the kernel");
    } else if (source == PlotSourceKind::vmstat) {
      // vmstat's own column names are known as well.
      if (const auto column = vmstat_column(word))
        chosen.patterns = {VmstatSeries::metric(*column, 1024).name};
    }
    if (source != PlotSourceKind::recording) {
      const bool matches = std::any_of(known.begin(), known.end(), [&](const std::string& name) {
        return name_matches(chosen.patterns[0], name);
      });
      if (!matches) {
        if (source == PlotSourceKind::vmstat)
          for (std::size_t i = 0; i < kVmstatColumnCount; ++i)
            known.emplace_back(vmstat_column_name(static_cast<VmstatColumn>(i)));
        return unknown_word(word, std::move(known));
      }
    }
    selection.words_.push_back(std::move(chosen));
  }
  return selection;
}

void PlotSelection::also(std::string pattern) {
  words_.push_back({pattern, {pattern}, false, true});
}

std::string PlotSelection::title() const {
  std::string text;
  for (const Word& word : words_) {
    if (word.optional) continue;
    if (!text.empty()) text += ", ";
    const GroupPatterns* found = find_group(word.text);
    text += found != nullptr ? std::string(found->title) : word.text;
  }
  return printable(fit_columns(text, 60));
}

machine::Parts PlotSelection::parts() const {
  machine::Parts parts;
  for (std::size_t i = 0; i < machine::kFamilyCount; ++i) {
    const auto family = static_cast<Family>(i);
    bool wanted = false;
    for (const record::MetricDescriptor& metric : machine::family_metrics(family))
      for (const Word& word : words_)
        for (const std::string& pattern : word.patterns)
          wanted = wanted || name_matches(pattern, metric.name);
    if (!wanted) continue;
    switch (family) {
      case Family::memory:
        parts.memory = true;
        break;
      case Family::cpu:
      case Family::scheduler:
        parts.cpu = true;
        break;
      case Family::each_cpu:
        parts.cpu = parts.each_cpu = true;
        break;
      case Family::vm_counters:
        parts.vm_counters = true;
        break;
      case Family::uptime:
        parts.uptime = true;
        break;
      case Family::pressure:
        parts.pressure = true;
        break;
      case Family::swap_device:
        parts.swap_devices = true;
        break;
      case Family::ksm:
        parts.ksm = true;
        break;
      case Family::link:
        parts.interfaces = parts.links = true;
        break;
      case Family::interface:
        parts.interfaces = true;
        break;
      case Family::disk:
        parts.disks = true;
        break;
      case Family::network:
        parts.network = true;
        break;
    }
  }
  return parts;
}

std::vector<record::SeriesId> PlotSelection::matching(const Word& word, const record::SeriesTable& table) {
  std::vector<record::SeriesId> ids;
  for (const std::string& pattern : word.patterns)
    for (const record::SeriesId id : table.matching(pattern)) ids.push_back(id);
  if (word.group && word.text == "disk") keep_whole_disks(ids, table);
  return ids;
}

std::vector<record::SeriesId> PlotSelection::matching(const record::SeriesTable& table) const {
  std::vector<record::SeriesId> ids;
  std::set<record::SeriesId> seen;
  for (const Word& word : words_)
    for (const record::SeriesId id : matching(word, table))
      if (seen.insert(id).second) ids.push_back(id);
  return ids;
}

Result<void> PlotSelection::check_matched(const record::SeriesTable& table) const {
  for (const Word& word : words_) {
    if (word.optional || !matching(word, table).empty()) continue;
    std::set<std::string> names;
    std::string candidates;
    for (record::SeriesId id = 0; id < table.size(); ++id) {
      const record::Series& series = table.at(id);
      names.insert(series.metric.name);
      if (series.metric.name == name_part(word.text) && candidates.size() < 300)
        candidates += (candidates.empty() ? "" : " ") + series.key();
    }
    if (!candidates.empty())
      return failure(ErrorKind::failed, "nothing here is called '" + printable(word.text) + "'",
                     "there are: " + printable(candidates));
    if (word.group || word.patterns[0] != word.text)
      return failure(ErrorKind::failed, "there is no data about '" + word.text + "' here");
    return unknown_word(word.text, {names.begin(), names.end()});
  }
  return {};
}

}  // namespace isotach::command
