#include "command/nettest/transaction_options.h"

#include <string>

#include "base/text.h"

namespace isotach::command {
namespace {

using nettest::Transaction;

// Of an open loop, unless told: enough to ask on while an answer is late.
constexpr std::uint32_t kOpenLoopOutstanding = 64;

void read_sizes(Reading& reading, nettest::TestParameters& parameters) {
  const auto text = reading.value("--sizes");
  if (!text) return;
  const auto pieces = split(*text, ',');
  const auto request = parse_buffer_size(std::string(pieces[0]));
  const auto response = parse_buffer_size(std::string(pieces.back()));
  const std::uint64_t most = parameters.udp ? nettest::kLargestUdpLength : nettest::kLargestTransaction;
  const bool good = pieces.size() <= 2 && request && response && *request > 0 && *response > 0 &&
                    *request <= most && *response <= most;
  if (!good) {
    reading.fail(bad_value("-r", *text, "write the sizes of request and response, as in: -r 1,1 or -r 2K,32K")
                     .value());
    return;
  }
  parameters.request_bytes = static_cast<std::uint32_t>(*request);
  parameters.response_bytes = static_cast<std::uint32_t>(*response);
}

}  // namespace

std::vector<OptionSpec> transaction_option_specs() {
  const char* const group = "transactions";
  return {
      {"--rr", 0, "", "a request, its response, the next request", group},
      {"--crr", 0, "", "the same with a new connection for each", group},
      {"--cc", 0, "", "nothing but new connections", group},
      {"--sizes", 'r', "REQUEST,RESPONSE", "bytes of a transaction: 1,1 unless given", group},
      {"--burst", 0, "N", "N under way at a time on each stream, up to 1024: 1 unless given", group},
      {"--rate", 0, "N",
       "N a second on each stream, whatever comes back; what was due in a stall counts as late", group},
      {"--threads", 0, "N", "threads at each end: one for each processor unless given", group},
      {"--busy-poll", 0, "", "both ends ask again and again instead of sleeping: for free processors", group},
  };
}

void read_transaction_options(Reading& reading, nettest::TestParameters& parameters) {
  int kinds = 0;
  for (const auto& [option, kind] :
       {std::pair{"--rr", Transaction::request_response}, std::pair{"--crr", Transaction::connect},
        std::pair{"--cc", Transaction::connect_close}})
    if (reading.has(option)) {
      parameters.transaction = kind;
      ++kinds;
    }
  if (kinds > 1) reading.fail("--rr, --crr and --cc are tests of their own: give one of them");
  if (kinds == 0) {
    for (const char* option : {"--sizes", "--burst", "--rate", "--busy-poll"})
      if (reading.has(option))
        reading.fail(Error{ErrorKind::usage, 0, std::string(option) + " belongs to transactions",
                           "give --rr, --crr or --cc too; the rate of streams is -b"});
  }
  reading.number("--threads", 1, nettest::kStreamLimit, parameters.threads);
  if (kinds == 0) return;
  read_sizes(reading, parameters);
  reading.number("--rate", 1, nettest::kLargestTransactionRate, parameters.transaction_rate);
  if (parameters.transaction_rate > 0) parameters.outstanding = kOpenLoopOutstanding;
  reading.number("--burst", 1, nettest::kMostOutstanding, parameters.outstanding);
  parameters.busy_poll = reading.has("--busy-poll");
  for (const char* option :
       {"--reverse", "--bidir", "--bitrate", "--length", "--tx", "--zerocopy", "--skip-rx-copy", "--cold"})
    if (reading.has(option))
      reading.fail(Error{ErrorKind::usage, 0, std::string(option) + " has no meaning with transactions", ""});
  if (makes_connections(parameters.transaction) && parameters.udp)
    reading.fail("--crr and --cc need TCP: UDP has no connections");
  if (parameters.transaction == nettest::Transaction::connect_close && parameters.bytes != 0)
    reading.fail("connections alone carry no bytes: give their number by -k");
  parameters.rate_bps = 0;
}

}  // namespace isotach::command
