#include "network/packet/live_capture.h"

#include <fmt/format.h>
#include <pcap/pcap.h>
#include <poll.h>

#include <cerrno>
#include <utility>

#include "base/text.h"
#include "kernel/privileges.h"

namespace isotach::network {
namespace {

constexpr int kBufferBytes = 64 << 20;
constexpr int kTimeoutMs = 100;
constexpr std::int64_t kSecondNs = 1'000'000'000;

// Programs and files number some link types differently (pcap-linktype(7)).
std::uint32_t link_type_of(int dlt) {
  switch (dlt) {
    case DLT_RAW:
      return kLinkRaw;
    case DLT_PPP_SERIAL:
      return kLinkPppHdlc;
    case DLT_PPP_ETHER:
      return kLinkPppoe;
    default:
      return static_cast<std::uint32_t>(dlt);
  }
}

}  // namespace

struct LiveCapture::State {
  pcap_t* pcap = nullptr;
  std::uint32_t link_type = 0;
  std::int64_t fraction_ns = 1;
  std::string interface;

  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    if (pcap != nullptr) ::pcap_close(pcap);
  }
};

LiveCapture::LiveCapture(std::unique_ptr<State> state) : state_(std::move(state)) {}

LiveCapture::~LiveCapture() = default;

Result<std::unique_ptr<LiveCapture>> LiveCapture::open(const std::string& interface,
                                                       const std::string& filter) {
  char text[PCAP_ERRBUF_SIZE] = "";
  auto state = std::make_unique<State>();
  state->interface = interface;
  state->pcap = ::pcap_create(interface.c_str(), text);
  if (state->pcap == nullptr)
    return failure(ErrorKind::failed,
                   fmt::format("cannot capture on {}: {}", printable(interface), printable(text)));
  pcap_t* pcap = state->pcap;
  ::pcap_set_snaplen(pcap, kSnapLength);
  ::pcap_set_buffer_size(pcap, kBufferBytes);
  ::pcap_set_timeout(pcap, kTimeoutMs);
  if (::pcap_set_tstamp_precision(pcap, PCAP_TSTAMP_PRECISION_NANO) != 0) state->fraction_ns = 1000;
  const int activated = ::pcap_activate(pcap);
  if (activated == PCAP_ERROR_PERM_DENIED)
    return failure(
        ErrorKind::not_permitted, fmt::format("capturing on {} is not permitted", printable(interface)),
        kernel::root_or_grant() + "; without -i the machine's connections are listed without capturing");
  if (activated == PCAP_ERROR_NO_SUCH_DEVICE)
    return failure(ErrorKind::failed, fmt::format("there is no interface {}", printable(interface)),
                   "isotach link lists them");
  if (activated < 0)
    return failure(ErrorKind::failed, fmt::format("cannot capture on {}: {}", printable(interface),
                                                  printable(::pcap_geterr(pcap))));
  state->link_type = link_type_of(::pcap_datalink(pcap));
  if (!filter.empty()) {
    bpf_program program{};
    if (::pcap_compile(pcap, &program, filter.c_str(), 1, PCAP_NETMASK_UNKNOWN) != 0)
      return failure(ErrorKind::usage,
                     fmt::format("'{}' is no filter: {}", printable(filter), printable(::pcap_geterr(pcap))));
    const int set = ::pcap_setfilter(pcap, &program);
    ::pcap_freecode(&program);
    if (set != 0)
      return failure(ErrorKind::failed,
                     fmt::format("cannot set the filter: {}", printable(::pcap_geterr(pcap))));
  }
  if (::pcap_setnonblock(pcap, 1, text) != 0)
    return failure(ErrorKind::failed,
                   fmt::format("cannot capture on {}: {}", printable(interface), printable(text)));
  return std::unique_ptr<LiveCapture>(new LiveCapture(std::move(state)));
}

Result<bool> LiveCapture::next(Frame& frame) {
  pcap_pkthdr* head = nullptr;
  const u_char* data = nullptr;
  const int got = ::pcap_next_ex(state_->pcap, &head, &data);
  if (got == 0) return false;
  if (got < 0)
    return failure(ErrorKind::failed, fmt::format("capturing on {} ended: {}", printable(state_->interface),
                                                  printable(::pcap_geterr(state_->pcap))));
  frame.data = data;
  frame.captured = head->caplen;
  frame.wire_length = head->len < head->caplen ? head->caplen : head->len;
  frame.link_type = state_->link_type;
  frame.time_ns = head->ts.tv_sec * kSecondNs + head->ts.tv_usec * state_->fraction_ns;
  return true;
}

bool LiveCapture::wait_for_rest() const {
  pollfd wanted{descriptor(), POLLIN, 0};
  return ::poll(&wanted, 1, 2 * kTimeoutMs) > 0;
}

int LiveCapture::descriptor() const {
  return ::pcap_get_selectable_fd(state_->pcap);
}

std::uint64_t LiveCapture::drops() const {
  pcap_stat stat{};
  return ::pcap_stats(state_->pcap, &stat) == 0 ? stat.ps_drop : 0;
}

}  // namespace isotach::network
