// Queues, DNS servers and settings, each at both sides of its threshold.
#include "doctor/host_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "doctor/catalogue.h"

namespace isotach::doctor {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> findings(const HostEvidence& evidence) {
  Diagnosis diagnosis;
  check_queues(evidence, diagnosis);
  check_names(evidence, diagnosis);
  check_settings(evidence, diagnosis);
  std::vector<std::string> names;
  for (const Finding& one : diagnosis.findings) {
    names.push_back(one.id + ' ' + std::string(severity_name(one.severity)) + ' ' + one.subject);
    EXPECT_NE(find_description(one.id), nullptr) << one.id;
  }
  return names;
}

HostEvidence queue(const char* kind, std::uint64_t packets, std::uint64_t dropped, std::uint64_t over_limit) {
  HostEvidence evidence;
  kernel::QdiscReading before;
  before.interface = 2;
  before.kind = kind;
  before.packets = 1000;
  kernel::QdiscReading now = before;
  now.packets += packets;
  now.dropped += dropped;
  now.over_limit += over_limit;
  evidence.qdiscs_before = {before};
  evidence.qdiscs_now = {now};
  evidence.interfaces = {{2, "eth0"}};
  evidence.elapsed_s = 1;
  return evidence;
}

TEST(HostRules, AQueueThatDrops) {
  EXPECT_THAT(findings(queue("fq_codel", 1000, 9, 0)), IsEmpty());
  EXPECT_THAT(findings(queue("fq_codel", 1000, 10, 0)), ElementsAre("qdisc-drops warning eth0"));
  EXPECT_THAT(findings(queue("fq_codel", 20000, 10, 0)), IsEmpty());
  HostEvidence replaced = queue("fq_codel", 1000, 10, 0);
  replaced.qdiscs_before[0].kind = "pfifo_fast";
  EXPECT_THAT(findings(replaced), IsEmpty());
}

TEST(HostRules, AShaper) {
  EXPECT_THAT(findings(queue("tbf", 1000, 0, 99)), IsEmpty());
  EXPECT_THAT(findings(queue("tbf", 1000, 0, 100)), ElementsAre("traffic-shaped info eth0"));
  EXPECT_THAT(findings(queue("pfifo", 1000, 0, 100)), IsEmpty());
}

TEST(HostRules, NameServers) {
  HostEvidence evidence;
  evidence.name_servers = {{"10.0.0.1", 199, ""}, {"10.0.0.2", 5, ""}};
  EXPECT_THAT(findings(evidence), IsEmpty());
  evidence.name_servers[0].time_ms = 200;
  EXPECT_THAT(findings(evidence), ElementsAre("name-server-slow warning 10.0.0.1"));
  evidence.name_servers[0].time_ms.reset();
  EXPECT_THAT(findings(evidence), ElementsAre("name-server-silent warning 10.0.0.1"));
  evidence.name_servers.pop_back();
  EXPECT_THAT(findings(evidence), ElementsAre("name-server-silent critical 10.0.0.1"));
}

TEST(HostRules, Settings) {
  HostEvidence evidence;
  evidence.window_scaling = 1;
  evidence.receive_buffer_most = evidence.send_buffer_most = 1048576;
  EXPECT_THAT(findings(evidence), IsEmpty());
  evidence.window_scaling = 0;
  EXPECT_THAT(findings(evidence), ElementsAre("window-scaling-off warning "));
  evidence.window_scaling.reset();
  evidence.receive_buffer_most = 1048575;
  EXPECT_THAT(findings(evidence), ElementsAre("tcp-buffers-small info receive"));
}

}  // namespace
}  // namespace isotach::doctor
