// What went over the interfaces up to one moment: plain data, raw counters since the source was opened.
// Rates, peaks and top lists are computed from two of them (rates.h).
//
// Bytes are those of frames on the wire from the Ethernet head on, without preamble and checksum; packets
// are those of the wire too: what the kernel carries as one (GSO, GRO) counts as the packets it stands for.
// "In" is what an interface received, "out" what it sent. On a loopback interface each packet is both.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "network/packet/ip_address.h"

namespace isotach::network {

struct Tally {
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;

  Tally& operator+=(const Tally& other) {
    packets += other.packets;
    bytes += other.bytes;
    return *this;
  }
  friend bool operator==(const Tally&, const Tally&) = default;
};

struct TwoWay {
  Tally in;
  Tally out;

  TwoWay& operator+=(const TwoWay& other) {
    in += other.in;
    out += other.out;
    return *this;
  }
  [[nodiscard]] std::uint64_t packets() const { return in.packets + out.packets; }
  [[nodiscard]] std::uint64_t bytes() const { return in.bytes + out.bytes; }
  friend bool operator==(const TwoWay&, const TwoWay&) = default;
};

// How it was counted; from the best to the least.
enum class TrafficMethod : std::uint8_t {
  bpf,       // programs in the kernel, at the interfaces' tcx hooks
  ring,      // packets copied into an AF_PACKET ring
  counters,  // interface counters and sock_diag: no packet was seen
};
[[nodiscard]] std::string_view method_name(TrafficMethod method);  // "bpf", "ring", "counters"

// ipv4 + ipv6 + arp + not_ip is all there is; tcp + udp + icmp + icmpv6 + other_ip is ipv4 + ipv6.
enum class TrafficProtocol : std::uint8_t { ipv4, ipv6, arp, not_ip, tcp, udp, icmp, icmpv6, other_ip };
inline constexpr std::size_t kTrafficProtocols = 9;
[[nodiscard]] std::string_view protocol_name(TrafficProtocol protocol);  // "IPv4", "not IP", "other IP"

// Who the frames were for, by their destination's address on the link.
enum class TrafficCast : std::uint8_t { unicast, multicast, broadcast };
inline constexpr std::size_t kTrafficCasts = 3;

// Frames by their size on the wire in bytes. Bin 0 is up to 63 bytes, then 64-127, 128-255, 256-511,
// 512-1023, 1024-1518, 1519-4095, 4096-9215, and more.
inline constexpr std::array<std::uint32_t, 9> kTrafficSizeFloors{0,    64,   128,  256, 512,
                                                                 1024, 1519, 4096, 9216};
[[nodiscard]] std::string size_range(std::size_t bin);  // "64-127", "9216 and more"

inline constexpr std::size_t kDscpClasses = 64;

// What the kernel counted for the interface since the source was opened.
struct KernelCounters {
  TwoWay traffic;  // as the driver counts: a veth or loopback counts one packet for a GSO packet of many
  std::uint64_t errors_in = 0, errors_out = 0;
  std::uint64_t dropped_in = 0, dropped_out = 0;
  std::uint64_t multicast_in = 0;
};

struct InterfaceTraffic {
  std::uint32_t index = 0;
  std::string name;
  std::string address;  // of the link, "02:fc:00:00:00:01"; may be empty
  bool up = true;       // false: it is gone or was taken down; its counters stay
  bool loopback = false;
  std::optional<std::uint64_t> speed_bits_s;  // of the link, where it has one

  TwoWay counted;     // packets of the wire that the source saw
  TwoWay as_carried;  // the same as the kernel carried them: a GSO packet is one
  KernelCounters kernel;
  // Packets that the kernel counted and the source did not see; negative where it saw more, such as
  // packets that a queue dropped before they were sent. Nothing where this cannot be told: with a filter.
  std::optional<std::int64_t> not_accounted_in, not_accounted_out;
  std::uint64_t dropped = 0;  // that the source itself lost, as it knows: a full ring

  // By protocol and so on; meaningless with TrafficMethod::counters.
  std::array<TwoWay, kTrafficProtocols> protocols{};
  std::array<TwoWay, kTrafficCasts> casts{};
  std::array<TwoWay, kTrafficSizeFloors.size()> sizes{};
  std::array<TwoWay, kDscpClasses> dscp{};  // of IP packets
  Tally malformed;                          // heads that contradict themselves or the frame; among the above
  Tally fragments;                          // of IP, among the above

  [[nodiscard]] const TwoWay& of(TrafficProtocol protocol) const {
    return protocols[static_cast<std::size_t>(protocol)];
  }
};

// As `ss` names them; `unknown` without a socket here and no flags seen.
enum class TcpState : std::uint8_t {
  unknown,
  established,
  syn_sent,
  syn_received,
  fin_wait_1,
  fin_wait_2,
  time_wait,
  closed,
  close_wait,
  last_ack,
  listen,
  closing,
};
[[nodiscard]] std::string_view tcp_state_name(TcpState state);  // "established", "time-wait"; "" when unknown

inline constexpr std::uint32_t kUnknownVlan = 0xffff'ffff;

// One conversation at one interface. `local` is the end on this side: who the packets that came in were
// for. Without IP (ip_version 0) both addresses and ports are empty, and the EtherType and the station
// tell what it is.
struct TrafficFlow {
  std::uint64_t id = 0;         // never given twice; Snapshot::flows is in rising order of it
  std::uint32_t interface = 0;  // its index in the kernel
  std::uint32_t owner = 0;      // index into Snapshot::owners
  IpAddress local, remote;
  std::uint16_t local_port = 0, remote_port = 0;  // of ICMP: 0
  std::uint8_t ip_version = 0;                    // 4, 6; 0 for what is not IP
  std::uint8_t protocol = 0;                      // IPPROTO_*
  std::uint16_t ether_type = 0;
  std::uint16_t vlan = 0;                    // outermost; 0 without
  std::array<std::uint8_t, 6> station{};     // address on the link of the other side
  std::uint8_t dscp = 0;                     // of the last packet
  std::uint8_t flags_in = 0, flags_out = 0;  // TCP flags seen so far, or-ed
  TcpState state = TcpState::unknown;
  bool is_fragments = false;  // later fragments, which have no ports; counted apart
  TwoWay traffic;
  std::optional<std::uint64_t> retransmits;  // segments sent again by this side, as its socket counts
  std::optional<std::uint64_t> rtt_ns;       // smoothed, as its socket knows
  std::int64_t first_ns = 0, last_ns = 0;    // CLOCK_MONOTONIC, to the source's interval
};

// To whom traffic belongs. owners[kOwnerNone] and owners[kOwnerUnknown] are always there.
inline constexpr std::uint32_t kOwnerNone = 0;     // no process: forwarded, ARP, what the kernel answers
inline constexpr std::uint32_t kOwnerUnknown = 1;  // there may be a process, but it was not found
struct TrafficOwner {
  std::uint32_t pid = 0;  // 0 for the first two
  std::string command;    // "curl"; "(kernel)", "(unknown)"
  std::string container;  // name or short id from the path of its control group; empty without
  std::string cgroup;     // that path; empty where unknown
  TwoWay traffic;
};

// A host on the other side: all flows to that address, on every interface but loopback.
struct TrafficHost {
  IpAddress address;
  TwoWay traffic;
};

// An address on the link of one interface, as in a LAN station monitor.
struct TrafficStation {
  std::uint32_t interface = 0;
  std::array<std::uint8_t, 6> address{};
  TwoWay traffic;
  TwoWay ip;  // the share that was IP
};

// The lower port of both ends, unless only one is below 1024 or listened on here: then that one.
struct TrafficService {
  std::uint16_t port = 0;
  std::uint8_t protocol = 0;  // TCP or UDP
  TwoWay traffic;
};

struct TrafficVlan {
  std::uint32_t interface = 0;
  std::uint16_t id = 0;
  TwoWay traffic;
};

// What is in no row of a table: rows that were full or that were idle and made room. Table rows and these
// sum up to the total.
struct TrafficRest {
  TwoWay overflow;  // never had a row: the table was full
  TwoWay ended;     // had one, which was idle or closed and was removed
};

struct TrafficSnapshot {
  Instant time;
  TrafficMethod method = TrafficMethod::counters;
  std::string reason;                // why not a better method; empty for bpf
  std::string remedy;                // what to type for a better one; may be empty
  std::vector<std::string> missing;  // what cannot be told this way, one sentence each
  std::string filter;                // as given

  std::vector<InterfaceTraffic> interfaces;  // in the order of their indexes
  std::vector<TrafficOwner> owners;
  std::vector<TrafficFlow> flows;  // in rising order of id
  std::vector<TrafficHost> hosts;
  std::vector<TrafficStation> stations;
  std::vector<TrafficService> services;
  std::vector<TrafficVlan> vlans;
  TrafficRest flows_rest, hosts_rest, stations_rest, services_rest;
  std::uint64_t flows_seen = 0;    // distinct, ended ones included
  std::vector<TrafficFlow> ended;  // flows removed since the snapshot before, with their last counts
  std::uint64_t ended_untold = 0;  // more that were removed than `ended` has room for, since open

  std::uint64_t cost_ns = 0;  // processor time that the source has used in this program so far

  // Of all interfaces, loopback included.
  [[nodiscard]] TwoWay counted() const;
  // The flows' sum and their rest; equal to counted() in every snapshot, with every method but counters.
  [[nodiscard]] TwoWay in_flows() const;
  [[nodiscard]] const InterfaceTraffic* find_interface(std::uint32_t index) const;
};

}  // namespace isotach::network
