// What a test between two hosts told, from the JSON of `isotach nettest` and `isotach path`, and as metrics.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "network/mesh/mesh_file.h"
#include "record/metric.h"
#include "record/sample.h"
#include "record/series.h"

namespace isotach::command {

// In the order of mesh_metrics(), before what is told of the tests themselves.
enum class MeshFigure : std::uint8_t {
  throughput,
  retransmits,
  jitter,
  test_loss,
  test_rtt,
  capacity,
  available,
  rtt,
  rtt_high,
  loss,
  reordered,
  mtu,
};
inline constexpr std::size_t kMeshFigures = static_cast<std::size_t>(MeshFigure::mtu) + 1;

// In base units; what a test does not tell is absent.
using MeshFigures = std::array<std::optional<double>, kMeshFigures>;

// The document that the command printed. An error: it is none, or tells of one.
[[nodiscard]] Result<MeshFigures> figures_of(mesh::TestKind kind, std::string_view document);

// mesh_throughput_bits_per_second, ...; then mesh_tests, mesh_tests_failed, mesh_tests_busy and
// mesh_last_success_seconds. Labels: from, to.
[[nodiscard]] std::vector<record::MetricDescriptor> mesh_metrics();

struct MeshOutcome {
  enum class Kind : std::uint8_t {
    done,
    failed,
    busy,  // the hosts were in other tests
  };
  std::string from;
  std::string to;
  mesh::TestKind test = mesh::TestKind::nettest;
  Kind kind = Kind::done;
  std::int64_t wall_ns = 0;
  MeshFigures figures = {};
  std::string problem;  // of one that is not done
};

// One object, as people read it in a log.
[[nodiscard]] std::string mesh_line(const MeshOutcome& outcome);
// One object in one line, schema isotach.mesh.v1.
[[nodiscard]] std::string mesh_json(const MeshOutcome& outcome);

// The last figures of each pair. Any thread may call.
class MeshResults {
 public:
  void add(const MeshOutcome& outcome);
  // Appends the points; `sample` is in order afterwards.
  void put(record::SeriesTable& table, record::Sample& sample) const;

 private:
  struct Known {
    MeshFigures figures = {};
    std::array<std::uint64_t, 3> counts = {};  // done, failed, busy
    std::optional<std::int64_t> success_wall_ns;
  };
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, Known> known_;
};

}  // namespace isotach::command
