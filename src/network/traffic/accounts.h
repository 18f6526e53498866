// Adds up what areas of counting (kernel/traffic_layout.h) hold into the totals of a snapshot. The tables are
// bounded: what has no row goes to the rest, rows that are idle make room, and every packet stays accounted
// for. No input: sources feed it.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "kernel/socket_list.h"
#include "kernel/traffic_layout.h"
#include "kernel/traffic_program.h"
#include "network/traffic/owners.h"
#include "network/traffic/snapshot.h"
#include "network/traffic/source.h"
#include "network/traffic/table.h"

namespace isotach::network {

class TrafficAccounts {
 public:
  TrafficAccounts(const TrafficOptions& options, std::uint64_t seed, unsigned areas, unsigned block_count);

  // Rows of interfaces stay when the interface has gone. Returns the place of its row.
  std::size_t add_interface(InterfaceTraffic interface);
  [[nodiscard]] std::vector<InterfaceTraffic>& interfaces() { return interfaces_; }
  // Counts of that block belong to that interface from now on; kNoRow: to none.
  void assign_block(unsigned block, std::uint32_t row);

  // A socket of which no process is known is the kernel's own.
  void take_unknown_for_kernel(bool yes) { unknown_is_kernel_ = yes; }

  // What the area `number` counted in the generation that ended at `now_ns` (monotonic). Empties the area.
  void add(unsigned number, const kernel::TrafficArea& area, std::int64_t now_ns, TrafficOwners& owners);
  // Facts of sockets that were asked for, rather than told with each packet, for flows that are known. Flows
  // of TCP and UDP without a process are given to the socket that has their local end.
  struct SocketFacts {
    kernel::SocketEntry socket;
    std::uint32_t pid = 0;  // 0: not known
  };
  void tell_sockets(const std::vector<SocketFacts>& sockets, TrafficOwners& owners);

  // Removes idle flows and writes the tables into the snapshot.
  void finish(std::int64_t now_ns, TrafficOwners& owners, TrafficSnapshot& snapshot);

  static constexpr std::size_t kEndedLimit = 65'536;  // flows told as ended in one snapshot

 private:
  struct HostKey {
    std::array<std::uint8_t, 16> address;
    std::uint32_t version;
  };
  struct StationKey {
    std::uint32_t interface;
    std::array<std::uint8_t, 6> address;
    std::uint16_t unused;
  };
  struct ServiceKey {
    std::uint16_t port;
    std::uint16_t protocol;
  };
  struct VlanKey {
    std::uint32_t interface;
    std::uint32_t id;
  };
  // Where the rows are that a flow counts for besides its own.
  struct Places {
    std::uint32_t host = kNoRow, station = kNoRow, service = kNoRow, vlan = kNoRow;
    bool has_host = false, has_service = false, has_vlan = false;
    bool owner_found = false;
    TwoWay unowned;  // what was given to no process so far, in case one is found
  };

  void add_block(unsigned number, unsigned block, const traffic_block& now);
  void add_slot(const traffic_slot& slot, std::int64_t now_ns, TrafficOwners& owners);
  void give_to(std::uint32_t row, std::uint32_t owner, TrafficOwners& owners);
  std::uint32_t make_flow(const traffic_key& key, std::int64_t now_ns);
  [[nodiscard]] Places places_of(const TrafficFlow& flow);
  void add_to_places(const Places& places, const TrafficFlow& flow, const TwoWay& traffic);
  void remove_flows(std::int64_t now_ns);
  template <class Key, class Row>
  void remove_unused(TrafficTable<Key>& table, std::vector<Row>& rows, std::uint32_t Places::*place,
                     TwoWay& rest);

  TrafficOptions options_;
  std::vector<InterfaceTraffic> interfaces_;
  std::vector<std::uint32_t> row_of_block_;
  std::vector<traffic_block> blocks_before_;    // by area and block
  std::vector<traffic_tally> overflow_before_;  // by area: in, out

  TrafficTable<traffic_key> flow_table_;
  std::vector<TrafficFlow> flows_;
  std::vector<Places> places_;
  TrafficTable<HostKey> host_table_;
  std::vector<TrafficHost> hosts_;
  TrafficTable<StationKey> station_table_;
  std::vector<TrafficStation> stations_;
  TrafficTable<ServiceKey> service_table_;
  std::vector<TrafficService> services_;
  TrafficTable<VlanKey> vlan_table_;
  std::vector<TrafficVlan> vlans_;
  TrafficRest flows_rest_, hosts_rest_, stations_rest_, services_rest_;
  bool unknown_is_kernel_ = false;
  std::uint64_t next_id_ = 1;
  std::uint64_t ended_untold_ = 0;
  std::vector<TrafficFlow> ended_;
};

}  // namespace isotach::network
