// Counts traffic for the tests: traffic_probe [--method M] [--filter F] [--flows N] [--tracepoints]
// [INTERFACE...]
//
// Says "ready METHOD" once it counts. For each line on stdin it takes a snapshot and writes one line of JSON.
// The word "flows" on that line adds the flows. It ends with its stdin.
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <string>

#include "network/traffic/source.h"

namespace {

using namespace isotach;
using namespace isotach::network;

void print(const char* name, const TwoWay& both) {
  std::printf(
      "\"%s\":{\"in\":[%llu,%llu],\"out\":[%llu,%llu]}", name,
      static_cast<unsigned long long>(both.in.packets), static_cast<unsigned long long>(both.in.bytes),
      static_cast<unsigned long long>(both.out.packets), static_cast<unsigned long long>(both.out.bytes));
}

void print(const InterfaceTraffic& row) {
  std::printf("{\"name\":\"%s\",", row.name.c_str());
  print("counted", row.counted);
  std::printf(",");
  print("carried", row.as_carried);
  std::printf(",");
  print("kernel", row.kernel.traffic);
  for (std::size_t i = 0; i < kTrafficProtocols; ++i) {
    std::printf(",");
    print(std::string(protocol_name(static_cast<TrafficProtocol>(i))).c_str(), row.protocols[i]);
  }
  TwoWay sizes;
  TwoWay casts;
  for (const TwoWay& bin : row.sizes) sizes += bin;
  for (const TwoWay& cast : row.casts) casts += cast;
  std::printf(",");
  print("sizes", sizes);
  std::printf(",");
  print("casts", casts);
  std::printf(",\"broadcast\":%llu,\"multicast\":%llu,\"malformed\":%llu,\"fragments\":%llu,\"dropped\":%llu",
              static_cast<unsigned long long>(row.casts[2].packets()),
              static_cast<unsigned long long>(row.casts[1].packets()),
              static_cast<unsigned long long>(row.malformed.packets),
              static_cast<unsigned long long>(row.fragments.packets),
              static_cast<unsigned long long>(row.dropped));
  if (row.not_accounted_in)
    std::printf(",\"not_accounted\":[%lld,%lld]", static_cast<long long>(*row.not_accounted_in),
                static_cast<long long>(*row.not_accounted_out));
  std::printf("}");
}

void print(const TrafficSnapshot& snapshot, bool flows) {
  std::printf("{\"method\":\"%s\",", std::string(method_name(snapshot.method)).c_str());
  print("counted", snapshot.counted());
  std::printf(",");
  print("in_flows", snapshot.in_flows());
  std::printf(",");
  print("overflow", snapshot.flows_rest.overflow);
  std::printf(",");
  print("ended", snapshot.flows_rest.ended);
  std::printf(
      ",\"flow_rows\":%zu,\"flows_seen\":%llu,\"hosts\":%zu,\"stations\":%zu,\"services\":%zu,\"vlans\":%zu",
      snapshot.flows.size(), static_cast<unsigned long long>(snapshot.flows_seen), snapshot.hosts.size(),
      snapshot.stations.size(), snapshot.services.size(), snapshot.vlans.size());
  std::printf(",\"cost_ns\":%llu,\"interfaces\":[", static_cast<unsigned long long>(snapshot.cost_ns));
  const char* separator = "";
  for (const InterfaceTraffic& row : snapshot.interfaces) {
    std::printf("%s", separator);
    separator = ",";
    print(row);
  }
  std::printf("],\"owners\":[");
  separator = "";
  for (const TrafficOwner& owner : snapshot.owners) {
    std::printf("%s{\"pid\":%u,\"command\":\"%s\",", separator, owner.pid, owner.command.c_str());
    separator = ",";
    print("traffic", owner.traffic);
    std::printf("}");
  }
  std::printf("]");
  if (flows) {
    std::printf(",\"flows\":[");
    separator = "";
    for (const TrafficFlow& flow : snapshot.flows) {
      std::printf(
          "%s{\"local\":\"%s\",\"remote\":\"%s\",\"protocol\":%u,\"vlan\":%u,\"owner\":\"%s\",\"state\":\"%"
          "s\","
          "\"rtt_ns\":%lld,\"retransmits\":%lld,",
          separator, endpoint_text(flow.local, flow.local_port).c_str(),
          endpoint_text(flow.remote, flow.remote_port).c_str(), flow.protocol, flow.vlan,
          snapshot.owners[flow.owner].command.c_str(), std::string(tcp_state_name(flow.state)).c_str(),
          flow.rtt_ns ? static_cast<long long>(*flow.rtt_ns) : -1LL,
          flow.retransmits ? static_cast<long long>(*flow.retransmits) : -1LL);
      separator = ",";
      print("traffic", flow.traffic);
      std::printf("}");
    }
    std::printf("]");
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf(",\"memory_kib\":%ld}\n", usage.ru_maxrss);
}

}  // namespace

int main(int argc, char** argv) {
  TrafficOptions options;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--method" && i + 1 < argc) {
      const std::string name = argv[++i];
      for (const TrafficMethod method : {TrafficMethod::bpf, TrafficMethod::ring, TrafficMethod::counters})
        if (name == method_name(method)) options.method = method;
    } else if (word == "--filter" && i + 1 < argc) {
      options.filter = argv[++i];
    } else if (word == "--tracepoints") {
      options.method = TrafficMethod::bpf;
      options.tracepoints = true;
    } else if (word == "--flows" && i + 1 < argc) {
      options.flow_limit = static_cast<std::uint32_t>(std::stoul(argv[++i]));
    } else {
      options.interfaces.push_back(word);
    }
  }
  SystemClock clock;
  auto source = TrafficSource::open(options, clock);
  if (!source) {
    std::fprintf(stderr, "%s\n%s\n", source.error().message().c_str(), source.error().remedy.c_str());
    return 1;
  }
  TrafficSnapshot snapshot;
  if (auto ok = (*source)->read(snapshot); !ok) {
    std::fprintf(stderr, "%s\n", ok.error().message().c_str());
    return 1;
  }
  std::printf("ready %s\n", std::string(method_name(snapshot.method)).c_str());
  if (!snapshot.reason.empty())
    std::fprintf(stderr, "%s\n%s\n", snapshot.reason.c_str(), snapshot.remedy.c_str());
  std::fflush(stdout);
  std::string line;
  while (std::getline(std::cin, line)) {
    if (auto ok = (*source)->read(snapshot); !ok) {
      std::fprintf(stderr, "%s\n", ok.error().message().c_str());
      return 1;
    }
    print(snapshot, line == "flows");
    std::fflush(stdout);
  }
  return 0;
}
