#include "command/nettest/stream_options.h"

namespace isotach::command {

std::vector<OptionSpec> stream_option_specs() {
  return {
      {"--tx", 0, "HOW",
       "how the sender moves its data: auto, send, sendfile, zerocopy, splice, uring; UDP: auto, send, gso",
       "traffic"},
      {"--zerocopy", 'Z', "", "the same as --tx=sendfile", "traffic"},
      {"--skip-rx-copy", 0, "", "TCP: the receiver's kernel throws the data away and copies nothing",
       "traffic"},
      {"--cold", 0, "N", "TCP: so many buffers in turn at both ends, which no cache holds", "traffic"},
      {"--no-follow", 0, "",
       "of one flow with --rr, or joined datagrams: no thread tries whether it gets more where its packets "
       "come in",
       "traffic"},
      {"--mptcp", 'm', "", "streams of MPTCP, where both hosts have it", "socket"},
  };
}

void read_stream_options(Reading& reading, nettest::TestParameters& parameters) {
  using nettest::SendEngine;
  parameters.multipath = reading.has("--mptcp");
  parameters.follow = !reading.has("--no-follow");
  parameters.discard = reading.has("--skip-rx-copy");
  reading.number("--cold", 2, nettest::kMostColdBuffers, parameters.cold_buffers);
  for (const char* option : {"--mptcp", "--skip-rx-copy", "--cold", "--zerocopy"})
    if (parameters.udp && reading.has(option))
      reading.fail(Error{ErrorKind::usage, 0, std::string(option) + " is for TCP", ""});
  if (reading.has("--zerocopy")) parameters.engine = SendEngine::sendfile;
  if (reading.has("--no-gso")) parameters.engine = SendEngine::send;
  const auto text = reading.value("--tx");
  if (!text) return;
  if (reading.has("--zerocopy") || reading.has("--no-gso"))
    reading.fail("--tx says how to send already: -Z is --tx=sendfile, --no-gso is --tx=send");
  const auto engine = nettest::engine_named(*text);
  const bool fits = engine && (parameters.udp ? *engine <= SendEngine::send || *engine == SendEngine::gso
                                              : *engine != SendEngine::gso);
  if (!fits) {
    reading.fail(bad_value("--tx", *text,
                           parameters.udp ? "UDP is sent by: auto, send or gso"
                                          : "TCP is sent by: auto, send, sendfile, zerocopy, splice or uring")
                     .value());
    return;
  }
  parameters.engine = *engine;
}

}  // namespace isotach::command
