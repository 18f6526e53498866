// Captures, packed and plain, from their first byte to the last statistic of the last connection.
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>

#include "base/check.h"
#include "network/connections/fields.h"
#include "network/connections/flow_series.h"
#include "network/connections/limit_observer.h"
#include "network/connections/tcptrace_text.h"
#include "network/connections/tracker.h"
#include "network/packet/capture_reader.h"
#include "network/packet/decoder.h"

namespace {

using namespace isotach::network;

void check_exact(const Tracker& tracker) {
  for (std::size_t i = 0; i < tracker.size(); ++i) {
    const Connection& one = tracker[i];
    CHECK(one.packets() > 0);
    CHECK(one.elapsed_ns() >= 0);
    for (const Direction& direction : one.directions) {
      CHECK(direction.unique_bytes <= direction.data_bytes);
      CHECK(direction.truncated_bytes <= direction.data_bytes);
      CHECK(direction.outstanding_max < (std::uint64_t{1} << 32));
      if (direction.trouble) {
        std::uint64_t kinds = 0;
        for (const std::uint32_t kind : direction.trouble->kinds) kinds += kind;
        CHECK(kinds == direction.trouble->retransmitted_packets);
        CHECK(direction.trouble->zero_window_ns >= 0);
      }
      for (const DirectionField& field : direction_fields()) {
        const FieldValue value = field.value(one, direction);
        if (const auto* real = std::get_if<double>(&value)) CHECK(*real == *real);
      }
    }
  }
}

void check_limits(const Tracker& tracker, const LimitObserver& limits) {
  for (std::size_t i = 0; i < tracker.size(); ++i) {
    for (const int side : {0, 1}) {
      const LimitShares* shares = limits.shares(i, side);
      if (shares == nullptr) continue;
      for (const std::int64_t time_ns : shares->time_ns) CHECK(time_ns >= 0);
      CHECK(shares->span_ns() >= 0);
      CHECK(!limit_evidence(shares->verdict(), *shares, tracker[i], side).empty());
    }
  }
}

// Decodes the frames where they lie; the reader gives no byte that was not there.
std::uint64_t run(const std::uint8_t* data, std::size_t size, Rules rules, Tracker& tracker) {
  auto source = unpack_byte_source(memory_byte_source(data, size));
  if (!source) return 0;
  auto reader = CaptureReader::over(std::move(*source));
  if (!reader) return 0;
  const bool as_tcptrace = rules == Rules::tcptrace;
  if (as_tcptrace) (*reader)->cut_to_snap_length();
  Decoder decoder({.reassemble = !as_tcptrace, .as_tcptrace = as_tcptrace});
  Frame frame;
  // What a small file can be unpacked to has no bound; the time of a fuzzer has.
  constexpr std::uint64_t kMostFrames = 20'000;
  while (decoder.counts().frames < kMostFrames && (*reader)->next(frame)) {
    CHECK(frame.captured <= frame.wire_length);
    tracker.note_time(frame.time_ns);
    const Packet* packet = decoder.decode(frame);
    if (packet == nullptr) continue;
    CHECK(packet->transport_captured <= packet->transport_length || as_tcptrace);
    tracker.add(*packet, frame.wire_length, frame.time_ns);
  }
  tracker.end();
  return (*reader)->frames();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Tracker exact(Rules::exact);
  Tracker tcptrace(Rules::tcptrace);
  LimitObserver limits;
  SeriesRecorder recorder([](std::size_t) { return true; });
  ObserverList observers;
  observers.add(limits);
  observers.add(recorder);
  exact.set_observer(&observers);
  CHECK(run(data, size, Rules::exact, exact) == run(data, size, Rules::tcptrace, tcptrace));
  check_exact(exact);
  limits.finish();
  check_limits(exact, limits);
  for (std::size_t i = 0; i < exact.size(); ++i) {
    if (FlowSeries* series = recorder.series(i, 0))
      CHECK(series->segments.points().size() <= Envelope::kMostPoints);
  }
  std::string text;
  TcptraceWriter writer;
  for (std::size_t i = 0; i < tcptrace.size(); ++i) text = writer.text(tcptrace[i], i, "fuzz");
  return 0;
}
