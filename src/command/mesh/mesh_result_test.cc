#include "command/mesh/mesh_result.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace isotach::command {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

double figure(const MeshFigures& figures, MeshFigure which) {
  return figures[static_cast<std::size_t>(which)].value_or(-1);
}

MeshFigures told(mesh::TestKind kind, std::string_view document) {
  const auto figures = figures_of(kind, document);
  EXPECT_TRUE(figures) << figures.error().message();
  return figures.value_or(MeshFigures());
}

TEST(MeshFigures, OfATestByTcp) {
  const auto figures = told(mesh::TestKind::nettest, R"({"end":{"streams":[{"sender":{"mean_rtt":529}}],
      "sum_sent":{"retransmits":51},"sum_received":{"bits_per_second":4.5e9}}})");
  EXPECT_DOUBLE_EQ(figure(figures, MeshFigure::throughput), 4.5e9);
  EXPECT_DOUBLE_EQ(figure(figures, MeshFigure::retransmits), 51);
  EXPECT_DOUBLE_EQ(figure(figures, MeshFigure::test_rtt), 529e-6);
  EXPECT_DOUBLE_EQ(figure(figures, MeshFigure::test_loss), -1);
}

TEST(MeshFigures, OfATestByUdp) {
  const auto figures =
      told(mesh::TestKind::nettest,
           R"({"end":{"sum_received":{"bits_per_second":1e6,"jitter_ms":0.25,"lost_percent":2}}})");
  EXPECT_DOUBLE_EQ(figure(figures, MeshFigure::jitter), 0.25e-3);
  EXPECT_DOUBLE_EQ(figure(figures, MeshFigure::test_loss), 0.02);
}

TEST(MeshFigures, OfAPath) {
  const auto figures = told(mesh::TestKind::path, R"({"capacity":{"bps":1e8},"available":null,
      "idle":{"rtt_min_ns":2000000,"rtt_p99_ns":3e6},"packets":{"sent":1000,"lost":5,"reordered":2},
      "mtu":{"bytes":1500},"tcp":null})");
  EXPECT_DOUBLE_EQ(figure(figures, MeshFigure::capacity), 1e8);
  EXPECT_DOUBLE_EQ(figure(figures, MeshFigure::available), -1);
  EXPECT_DOUBLE_EQ(figure(figures, MeshFigure::rtt), 0.002);
  EXPECT_DOUBLE_EQ(figure(figures, MeshFigure::rtt_high), 0.003);
  EXPECT_DOUBLE_EQ(figure(figures, MeshFigure::loss), 0.005);
  EXPECT_DOUBLE_EQ(figure(figures, MeshFigure::reordered), 0.002);
  EXPECT_DOUBLE_EQ(figure(figures, MeshFigure::mtu), 1500);
}

TEST(MeshFigures, ErrorsOfTheTestAreToldAsTheyAre) {
  const auto text = [](std::string_view document) {
    const auto figures = figures_of(mesh::TestKind::nettest, document);
    return figures ? std::string("no error") : figures.error().message();
  };
  EXPECT_EQ(text(""), "the test printed no JSON");
  EXPECT_EQ(text("{}"), "the test told no figure");
  EXPECT_EQ(text(R"({"error":"cannot connect"})"), "cannot connect");
  EXPECT_EQ(text(R"({"schema":"isotach.error.v1","error":{"message":"cannot connect"}})"), "cannot connect");
}

TEST(MeshResults, KeepTheLastFiguresAndCountTheRest) {
  MeshResults results;
  MeshOutcome outcome;
  outcome.from = "berlin";
  outcome.to = "paris";
  outcome.wall_ns = 1'800'000'000'000'000'000;
  outcome.figures[static_cast<std::size_t>(MeshFigure::throughput)] = 1e6;
  results.add(outcome);
  outcome.kind = MeshOutcome::Kind::failed;
  outcome.figures = {};
  results.add(outcome);
  outcome.kind = MeshOutcome::Kind::busy;
  results.add(outcome);

  record::SeriesTable table;
  record::Sample sample;
  results.put(table, sample);
  const auto value = [&](const std::string& metric) {
    const auto id = table.find(metric + R"({from="berlin",to="paris"})");
    const Value* found = id ? sample.find(*id) : nullptr;
    return found == nullptr ? -1 : found->as_real();
  };
  EXPECT_DOUBLE_EQ(value("mesh_throughput_bits_per_second"), 1e6);
  EXPECT_DOUBLE_EQ(value("mesh_tests"), 2);
  EXPECT_DOUBLE_EQ(value("mesh_tests_failed"), 1);
  EXPECT_DOUBLE_EQ(value("mesh_tests_busy"), 1);
  EXPECT_DOUBLE_EQ(value("mesh_last_success_seconds"), 1.8e9);
  EXPECT_DOUBLE_EQ(value("mesh_path_capacity_bits_per_second"), -1);
}

TEST(MeshLine, SaysWhatWasMeasuredOrWhyNot) {
  MeshOutcome outcome;
  outcome.from = "berlin";
  outcome.to = "paris";
  outcome.figures[static_cast<std::size_t>(MeshFigure::throughput)] = 94.1e6;
  EXPECT_THAT(mesh_line(outcome), HasSubstr("berlin to paris  nettest  throughput 94.1 Mbit/s\n"));
  EXPECT_THAT(mesh_json(outcome),
              HasSubstr(R"("outcome":"done","figures":{"mesh_throughput_bits_per_second":94100000})"));
  outcome.kind = MeshOutcome::Kind::failed;
  outcome.problem = "cannot connect";
  EXPECT_THAT(mesh_line(outcome), HasSubstr("failed: cannot connect\n"));
  EXPECT_THAT(mesh_json(outcome), HasSubstr(R"("problem":"cannot connect")"));
}

}  // namespace
}  // namespace isotach::command
