#include "network/packet/packet_filter.h"

#include <fmt/format.h>
#include <pcap/pcap.h>

#include <utility>

#include "base/text.h"

namespace isotach::network {
namespace {

constexpr int kSnapLength = 262144;

// Files and programs number some link types differently (pcap-linktype(7)).
int dlt_of(std::uint32_t link_type) {
  switch (link_type) {
    case kLinkRaw:
    case kLinkRawBsd:
    case kLinkRawOpenBsd:
      return DLT_RAW;
    case kLinkPppHdlc:
      return DLT_PPP_SERIAL;
    case kLinkPppoe:
      return DLT_PPP_ETHER;
    default:
      return static_cast<int>(link_type);
  }
}

}  // namespace

struct PacketFilter::Program {
  bpf_program program{};
};

void PacketFilter::Freer::operator()(Program* program) const {
  ::pcap_freecode(&program->program);
  delete program;
}

PacketFilter::Owned PacketFilter::compile(const std::string& expression, std::uint32_t link_type,
                                          std::string& why) {
  pcap_t* dead = ::pcap_open_dead(dlt_of(link_type), kSnapLength);
  if (dead == nullptr) {
    why = "out of memory";
    return nullptr;
  }
  Owned owned(new Program);
  const bool good = ::pcap_compile(dead, &owned->program, expression.c_str(), 1, PCAP_NETMASK_UNKNOWN) == 0;
  if (!good) why = ::pcap_geterr(dead);
  ::pcap_close(dead);
  if (!good) return nullptr;
  return owned;
}

Result<PacketFilter> PacketFilter::parse(const std::string& expression) {
  std::string why;
  Owned ethernet = compile(expression, kLinkEthernet, why);
  if (!ethernet)
    return failure(ErrorKind::usage,
                   fmt::format("'{}' is no filter: {}", printable(expression), printable(why)),
                   "write as for tcpdump, such as: host 10.0.0.1 and tcp port 443 (man pcap-filter)");
  PacketFilter filter(expression);
  filter.programs_.emplace(kLinkEthernet, std::move(ethernet));
  return filter;
}

bool PacketFilter::matches(const Frame& frame) {
  auto found = programs_.find(frame.link_type);
  if (found == programs_.end()) {
    std::string why;
    found = programs_.emplace(frame.link_type, compile(expression_, frame.link_type, why)).first;
  }
  if (!found->second) return false;
  return ::bpf_filter(found->second->program.bf_insns, frame.data, frame.wire_length, frame.captured) != 0;
}

}  // namespace isotach::network
