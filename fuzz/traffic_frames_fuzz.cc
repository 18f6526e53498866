// Frames as an AF_PACKET ring hands them over, which the BPF program counts by the same lines: whatever they
// hold, nothing is read beyond them, and every packet and byte is in a flow or in the rest.
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "network/traffic/accounts.h"
#include "network/traffic/frame_counter.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace isotach;
  using namespace isotach::network;
  constexpr std::uint32_t kInterface = 2;
  TrafficOptions options;
  options.flow_limit = 16;
  options.host_limit = 4;
  options.station_limit = 4;
  options.service_limit = 4;
  TrafficAccounts accounts(options, 1, 2, 2);
  FrameCounter counter(options.flow_limit, 2, 1);
  TrafficOwners owners(kernel::SystemRoot("/nonexistent"));
  InterfaceTraffic row;
  row.index = kInterface;
  accounts.assign_block(1, static_cast<std::uint32_t>(accounts.add_interface(row)));
  TrafficSnapshot snapshot;
  std::int64_t now_ns = 0;
  std::uint64_t frames = 0;
  // Each frame: its size, what the kernel tells beside it, and its bytes.
  constexpr std::size_t kHead = 6;
  while (size >= kHead && frames < 4096) {
    kernel::RingFrame frame;
    const std::size_t captured = data[0] < size - kHead ? data[0] : size - kHead;
    const std::uint8_t flags = data[1];
    frame.length = static_cast<std::uint32_t>(captured) + ((flags & 1) != 0 ? data[2] * 257U : 0U);
    frame.segment = (flags & 2) != 0 ? data[3] * 16U : 0U;
    frame.tag = (flags & 4) != 0 ? data[3] * 256 + data[4] : -1;
    frame.outgoing = (flags & 8) != 0;
    frame.ether_type = (flags & 16) != 0 ? 0x86dd : 0x0800;
    frame.data = data + kHead;
    frame.captured = static_cast<std::uint32_t>(captured);
    counter.count(frame, kInterface, 1, (flags & 32) != 0 ? 0 : 14);
    ++frames;
    data += kHead + captured;
    size -= kHead + captured;
    if ((flags & 64) != 0 || size < kHead) {
      now_ns += std::int64_t{flags} * kNanosecondsPerSecond;
      const unsigned buffer = counter.switch_buffer();
      owners.begin_round();
      accounts.add(buffer, counter.area(buffer), now_ns, owners);
      accounts.finish(now_ns, owners, snapshot);
      CHECK(snapshot.in_flows() == snapshot.counted());
      CHECK(snapshot.flows.size() <= options.flow_limit && snapshot.hosts.size() <= options.host_limit);
      TwoWay sizes;
      for (const TwoWay& bin : snapshot.interfaces[0].sizes) sizes += bin;
      CHECK(sizes == snapshot.counted());
    }
  }
  if (frames > 0) CHECK(snapshot.interfaces[0].as_carried.packets() == frames);
  return 0;
}
