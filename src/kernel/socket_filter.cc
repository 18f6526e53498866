#include "kernel/socket_filter.h"

#include <pcap/dlt.h>
#include <pcap/pcap.h>

#include <memory>

#include "base/text.h"

namespace isotach::kernel {
namespace {

struct PcapCloser {
  void operator()(pcap_t* pcap) const { pcap_close(pcap); }
};

}  // namespace

Result<std::vector<sock_filter>> compile_socket_filter(const std::string& expression, unsigned link_head,
                                                       std::uint32_t snap_length) {
  const std::unique_ptr<pcap_t, PcapCloser> pcap(
      pcap_open_dead(link_head == 0 ? DLT_RAW : DLT_EN10MB, static_cast<int>(snap_length)));
  if (pcap == nullptr) return failure(ErrorKind::failed, "libpcap has no memory");
  bpf_program program{};
  if (pcap_compile(pcap.get(), &program, expression.c_str(), 1, PCAP_NETMASK_UNKNOWN) != 0)
    return failure(
        ErrorKind::usage,
        "the filter '" + printable(expression) + "' is not understood: " + printable(pcap_geterr(pcap.get())),
        "man pcap-filter describes them; for example: --filter 'tcp port 443'");
  std::vector<sock_filter> filter;
  for (unsigned i = 0; i < program.bf_len; ++i) {
    const bpf_insn& step = program.bf_insns[i];
    filter.push_back({step.code, step.jt, step.jf, step.k});
  }
  pcap_freecode(&program);
  return filter;
}

}  // namespace isotach::kernel
