// The way from a MachineReading to a Sample and back, and the probe made of it.
//
// Whoever records a MachineReading writes it with put(); whoever replays gets the same reading back
// with take(), so that a replay computes from the same numbers as the live run did.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "machine/metrics.h"
#include "machine/reading.h"
#include "record/probe.h"
#include "record/sample.h"
#include "record/series.h"

namespace isotach::machine {

class MachineSeries {
 public:
  MachineSeries(record::SeriesTable& table, Parts parts);

  // Appends the points of `reading` to `sample` and puts them in order.
  void put(const MachineReading& reading, record::Sample& sample);
  // Fills the parts of `reading` from a sample of the same table; what it lacks is missing. Not recorded
  // are the device numbers of disks and the type of a swap area. Interfaces, disks and swap areas come in
  // the order in which the table first saw them.
  void take(const record::Sample& sample, MachineReading& reading);

 private:
  // Ids of all metrics of a family for one label value, in the family's order; nullopt past the
  // table's limit.
  using Ids = std::vector<std::optional<record::SeriesId>>;

  const Ids& ids(Family family, const std::string& label_value);
  void put_values(Family family, const std::string& label_value, record::Sample& sample);
  bool take_values(Family family, const std::string& label_value, const record::Sample& sample);
  // The label values of a family that the table knows by now, in order of first use.
  const std::vector<std::string>& label_values(Family family);

  record::SeriesTable& table_;
  Parts parts_;
  std::array<std::unordered_map<std::string, Ids>, kFamilyCount> ids_;
  std::array<std::vector<std::string>, kFamilyCount> label_values_;
  std::size_t scanned_series_ = 0;  // how much of the table label_values() has looked at
  Ids refused_ids_;                 // of a label value that the table had no room for
  std::vector<Value> values_;       // of the family at hand; kept to save allocations
  std::string label_;               // likewise
};

// Reads the machine and puts what it read; the live source of overview, record, web and agent.
class MachineProbe final : public record::Probe {
 public:
  MachineProbe(const kernel::SystemRoot& root, record::SeriesTable& table, Parts parts);
  [[nodiscard]] std::vector<record::MetricDescriptor> metrics() const override;
  void collect(record::Sample& sample) override;
  // The reading behind the last sample.
  [[nodiscard]] const MachineReading& reading() const { return reading_; }
  // Why the last collect() failed, if it did.
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }

 private:
  MachineReader reader_;
  MachineSeries series_;
  MachineReading reading_;
  std::optional<Error> error_;
};

}  // namespace isotach::machine
