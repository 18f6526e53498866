// Recorded traffic as a source: each sample of a recording (recorded.h) becomes the snapshot it was made
// from, as far as it was recorded. Series that are none of ours are passed over; what cannot be read gives no
// row.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "network/traffic/groups.h"
#include "network/traffic/source.h"
#include "record/sample.h"
#include "record/series.h"

namespace isotach::command {

class ReplayedTraffic final : public network::TrafficSource {
 public:
  // Gives the next sample; false at the end.
  using Next = std::function<Result<bool>(record::Sample&)>;
  // `table` must outlive this; it may grow.
  ReplayedTraffic(const record::SeriesTable& table, Next next) : table_(table), next_(std::move(next)) {}

  // At the end the snapshot stays as it is.
  [[nodiscard]] Result<void> read(network::TrafficSnapshot& snapshot) override;
  [[nodiscard]] bool is_over() const { return is_over_; }

 private:
  // What a series counts: a counter of a row.
  struct Meaning {
    enum class Kind { none, row, method, unaccounted, other };
    Kind kind = Kind::none;
    std::size_t row = 0;
    std::size_t counter = 0;  // bytes in, bytes out, packets in, packets out
  };
  // A row of any kind, with all that its labels say.
  struct Row {
    network::TrafficBy by = network::TrafficBy::host;
    std::string labels;
    std::size_t index = 0;  // of a protocol, size, ...
    network::TrafficFlow flow;
    network::TrafficHost host;
    network::TrafficStation station;
    network::TrafficService service;
    network::TrafficVlan vlan;
    network::TrafficOwner owner;
    network::InterfaceTraffic interface;
    network::TwoWay traffic;
    std::int64_t first_ns = 0;  // when it was recorded first
    bool is_present = false;
  };

  [[nodiscard]] Meaning meaning_of(const record::Series& series);
  [[nodiscard]] std::optional<Row> row_of(network::TrafficBy by, const record::Labels& labels);
  [[nodiscard]] std::uint32_t interface_index(const std::string& name);
  void fill(network::TrafficSnapshot& snapshot);

  const record::SeriesTable& table_;
  Next next_;
  record::Sample sample_;
  std::vector<Meaning> meanings_;  // by series
  std::vector<Row> rows_;
  std::vector<std::string> interfaces_;  // names by index - 1
  bool is_over_ = false;
};

}  // namespace isotach::command
