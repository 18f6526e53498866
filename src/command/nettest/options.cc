#include "command/nettest/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "base/text.h"
#include "command/nettest/campaign_options.h"
#include "command/nettest/reading.h"
#include "command/nettest/stream_options.h"
#include "command/nettest/transaction_options.h"
#include "command/nettest/user_options.h"
#include "network/nettest/iperf2.h"

namespace isotach::command {
namespace {

constexpr std::int64_t kLongestTestNs = 86400 * kNanosecondsPerSecond;
constexpr std::int64_t kLongestOmitNs = 600 * kNanosecondsPerSecond;
// What UDP sends unless told: enough to see loss, too little to do harm.
constexpr std::uint64_t kDefaultUdpRate = 1024 * 1024;

constexpr std::array<std::pair<std::string_view, int>, 22> kDscpNames = {
    {{"cs0", 0},   {"cs1", 8},   {"cs2", 16},  {"cs3", 24},  {"cs4", 32},  {"cs5", 40},
     {"cs6", 48},  {"cs7", 56},  {"af11", 10}, {"af12", 12}, {"af13", 14}, {"af21", 18},
     {"af22", 20}, {"af23", 22}, {"af31", 26}, {"af32", 28}, {"af33", 30}, {"af41", 34},
     {"af42", 36}, {"af43", 38}, {"ef", 46},   {"va", 44}}};

void read_rate(Reading& reading, nettest::TestParameters& parameters) {
  const auto text = reading.value("--bitrate");
  if (!text) {
    if (parameters.udp) parameters.rate_bps = kDefaultUdpRate;
    return;
  }
  const auto pieces = split(*text, '/');
  const auto rate = parse_size(pieces[0]);
  const auto burst = pieces.size() == 2 ? parse_unsigned(pieces[1]) : std::optional<std::uint64_t>(0);
  if (!rate || !burst || pieces.size() > 2 || *burst > 1000 || *rate > 1'000'000'000'000'000) {
    reading.fail(
        bad_value("--bitrate", *text, "write bits per second, such as 10M, 2.5G as 2500M; 0 is no limit")
            .value());
    return;
  }
  parameters.rate_bps = *rate;
  parameters.burst = static_cast<int>(*burst);
}

void read_tos(Reading& reading, nettest::TestParameters& parameters) {
  reading.number("--tos", 0, 255, parameters.tos);
  const auto text = reading.value("--dscp");
  if (!text) return;
  std::string name = *text;
  for (char& c : name)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  for (const auto& [known, value] : kDscpNames)
    if (name == known) {
      parameters.tos = value << 2;
      return;
    }
  int value = 0;
  reading.number("--dscp", 0, 63, value);
  parameters.tos = value << 2;
}

// iperf 2 knows less of a test than iperf3 does.
void read_iperf2(Reading& reading, nettest::ClientOptions& client) {
  client.iperf2 = reading.has("--iperf2");
  if (!client.iperf2) return;
  for (const char* option :
       {"--rr", "--crr", "--cc", "--bidir", "--omit", "--no-gso", "--blocks", "--get-server-output"})
    if (reading.has(option))
      reading.fail(Error{ErrorKind::usage, 0, std::string(option) + " is not for servers of iperf 2", ""});
  if (reading.has("--udp") && reading.has("--reverse")) reading.fail("of iperf 2, -R is for TCP");
  if (!reading.has("--port")) client.port = nettest::kIperf2Port;
  // Its servers listen by IPv4 unless told otherwise.
  if (client.family == kernel::IpFamily::any && client.host.find(':') == std::string::npos)
    client.family = kernel::IpFamily::v4;
}

void read_parameters(Reading& reading, NettestOptions& options) {
  nettest::ClientOptions& client = options.client;
  nettest::TestParameters& parameters = client.parameters;
  parameters.udp = reading.has("--udp");
  parameters.reverse = reading.has("--reverse");
  parameters.bidirectional = reading.has("--bidir");
  if (parameters.reverse && parameters.bidirectional)
    reading.fail("--reverse and --bidir exclude each other");
  parameters.counters_64 = true;
  parameters.no_delay = reading.has("--no-delay");
  parameters.dont_fragment = reading.has("--dont-fragment");
  parameters.server_output = reading.has("--get-server-output");
  read_stream_options(reading, parameters);
  reading.number("--parallel", 1, nettest::kStreamLimit, parameters.parallel);
  reading.size("--length", parameters.udp ? nettest::kLargestUdpLength : nettest::kLargestTcpLength,
               parameters.length);
  if (parameters.udp && parameters.length != 0 && parameters.length < nettest::kSmallestUdpLength)
    reading.fail("a datagram has at least 16 bytes: time and number stand in them");
  reading.size("--window", 512u * 1024 * 1024, parameters.window);
  reading.number("--set-mss", 88, 32767, parameters.mss);
  reading.text("--congestion", parameters.congestion);
  reading.text("--title", parameters.title);
  reading.text("--extra-data", parameters.extra_data);
  reading.size("--bytes", std::numeric_limits<std::int64_t>::max(), parameters.bytes);
  reading.size("--blocks", std::numeric_limits<std::int64_t>::max() / nettest::kLargestTcpLength,
               parameters.blocks);
  read_rate(reading, parameters);
  read_tos(reading, parameters);
  read_transaction_options(reading, parameters);
  if (const auto text = reading.value("--fq-rate")) {
    const auto rate = parse_size(*text);
    if (!rate) reading.fail(bad_value("--fq-rate", *text, "write bits per second, such as 10M").value());
    if (rate) parameters.fair_rate_bps = *rate;
  }
  const bool limited = parameters.bytes != 0 || parameters.blocks != 0;
  if (parameters.bytes != 0 && parameters.blocks != 0)
    reading.fail("-n and -k are two limits: give one of them");
  if (limited && reading.has("--time")) reading.fail("-t and -n or -k are two limits: give one of them");
  if (limited && reading.has("--omit")) reading.fail("-O belongs to tests that last a time");
  if (limited) client.duration_ns = 0;
  reading.time("--time", false, kLongestTestNs, client.duration_ns);
  reading.time("--omit", true, kLongestOmitNs, client.omit_ns);
  reading.time("--interval", true, kLongestTestNs, client.interval_ns);
  if (client.interval_ns > 0 && client.interval_ns < kShortestIntervalNs)
    reading.fail("the shortest interval is 10ms; 0 shows the whole test only");
  reading.time("--connect-timeout", false, 600 * kNanosecondsPerSecond, client.connect_limit_ns);
}

}  // namespace

std::vector<OptionSpec> nettest_option_specs() {
  std::vector<OptionSpec> options = {
      {"--server", 's', "", "serve any number of clients, until Ctrl-C", "what to do"},
      {"--client", 'c', "HOST", "test against the server at HOST", "what to do"},
      {"--port", 'p', "PORT", "port of the server: 5201 unless given; a server takes 0 for any", "where"},
      {"--iperf2", 0, "", "client: the server is one of iperf 2; its port is 5001 unless given", "where"},
      {"--bind",
       'B',
       "ADDRESS",
       "server: listen there, * for everywhere; client: the address to come from",
       "where",
       {},
       {},
       true},
      {"--ipv4", '4', "", "IPv4 only", "where"},
      {"--ipv6", '6', "", "IPv6 only", "where"},
      {"--one-off", '1', "", "server: end after one test", "server"},
      {"--daemon", 'D', "", "server: go on in the background", "server"},
      {"--time", 't', "TIME", "how long to send: 10 s unless given", "how much"},
      {"--bytes", 'n', "SIZE", "send this much instead of for a time", "how much"},
      {"--blocks", 'k', "COUNT", "send so many writes or datagrams instead, or do so many transactions",
       "how much"},
      {"--omit", 'O', "TIME", "leave out the first part, in which TCP gathers speed", "how much"},
      {"--interval", 'i', "TIME", "time between reports: 1 s unless given, at least 10ms, 0 for one of all",
       "how much"},
      {"--udp", 'u', "", "UDP instead of TCP", "traffic"},
      {"--bitrate", 'b', "RATE",
       "bits per second of each stream, evenly spaced: 1M for UDP, 0 for no limit; RATE/N in bursts of N",
       "traffic"},
      {"--reverse", 'R', "", "the server sends", "traffic"},
      {"--bidir", 0, "", "both send at once", "traffic"},
      {"--parallel", 'P', "N", "streams at once, up to 128", "traffic"},
      {"--length", 'l', "SIZE", "bytes of a write (128K) or datagram (what fits)", "traffic"},
      {"--window", 'w', "SIZE", "socket buffers at both ends", "socket"},
      {"--set-mss", 'M', "BYTES", "largest segment of TCP", "socket"},
      {"--no-delay", 'N', "", "send at once what is there (TCP_NODELAY)", "socket"},
      {"--congestion", 'C', "NAME", "congestion control of TCP, such as cubic or bbr", "socket"},
      {"--tos", 'S', "N", "type-of-service byte, such as 0x10", "socket"},
      {"--dscp", 0, "NAME", "the same as a code point: ef, af41, cs1 or a number", "socket"},
      {"--udp-counters-64bit", 0, "", "UDP: numbers of 64 bits; ours always have them", "socket"},
      {"--fq-rate", 0, "RATE", "let the kernel pace each socket at that many bits per second", "socket"},
      {"--dont-fragment", 0, "", "UDP over IPv4: forbid to fragment", "socket"},
      {"--no-gso", 0, "", "UDP: one call for each datagram, as other tools do", "socket"},
      {"--connect-timeout", 0, "TIME", "how long to wait for a connection: 10 s unless given", "socket"},
      {"--title", 'T', "TEXT", "goes into the JSON document", "output"},
      {"--extra-data", 0, "TEXT", "goes into the JSON document", "output"},
      {"--get-server-output", 0, "", "what the server says of the test, after the results", "output"},
  };
  const std::vector<OptionSpec> transactions = transaction_option_specs();
  const auto traffic = std::find_if(options.begin(), options.end(),
                                    [](const OptionSpec& option) { return option.group == "socket"; });
  options.insert(traffic, transactions.begin(), transactions.end());
  for (OptionSpec& option : stream_option_specs()) options.push_back(std::move(option));
  for (OptionSpec& option : campaign_option_specs()) options.push_back(std::move(option));
  for (OptionSpec& option : user_option_specs()) options.push_back(std::move(option));
  for (OptionSpec& option : format_options()) options.push_back(std::move(option));
  return options;
}

Result<NettestOptions> nettest_options_of(const Arguments& arguments) {
  NettestOptions options;
  Reading reading(arguments);
  const auto format = format_of(arguments);
  if (!format) return tl::make_unexpected(format.error());
  options.format = *format;
  options.server = arguments.has("--server");
  options.daemon = arguments.has("--daemon");
  if (options.server == arguments.has("--client"))
    return failure(
        ErrorKind::usage,
        options.server ? "-s and -c exclude each other" : "give -s for the server or -c HOST for the client",
        "in one window: isotach nettest -s; in another: isotach nettest -c localhost");
  std::uint16_t port = nettest::kDefaultPort;
  reading.number("--port", options.server ? 0 : 1, 65535, port);
  if (arguments.has("--ipv4") && arguments.has("--ipv6")) reading.fail("-4 and -6 exclude each other");
  const auto family = arguments.has("--ipv4")   ? kernel::IpFamily::v4
                      : arguments.has("--ipv6") ? kernel::IpFamily::v6
                                                : kernel::IpFamily::any;
  const auto addresses = arguments.values("--bind");
  if (options.server) {
    for (const char* option :
         {"--udp",        "--reverse",  "--bidir",        "--parallel", "--length", "--bitrate",
          "--time",       "--bytes",    "--blocks",       "--omit",     "--window", "--set-mss",
          "--congestion", "--tos",      "--dscp",         "--fq-rate",  "--title",  "--iperf2",
          "--tx",         "--zerocopy", "--skip-rx-copy", "--cold",     "--mptcp",  "--get-server-output"})
      if (arguments.has(option))
        reading.fail(Error{ErrorKind::usage, 0, std::string(option) + " is for the client to say",
                           "the server does what each client asks for"});
    std::vector<OptionSpec> others = transaction_option_specs();
    for (OptionSpec& option : campaign_option_specs()) others.push_back(std::move(option));
    for (const OptionSpec& option : others)
      if (arguments.has(option.name))
        reading.fail(Error{ErrorKind::usage, 0, option.name + " is for the client to say",
                           "the server does what each client asks for"});
    options.listen.port = port;
    if (!arguments.has("--port")) options.listen.iperf2_port = nettest::kIperf2Port;
    options.listen.family = family;
    options.listen.hosts = addresses;
    options.listen.one_test = arguments.has("--one-off");
    read_server_users(reading, options.listen);
  } else {
    if (arguments.has("--one-off") || options.daemon) reading.fail("-1 and -D are for the server");
    if (addresses.size() > 1) reading.fail("a client comes from one address");
    options.client.host = *arguments.value("--client");
    if (options.client.host.empty()) reading.fail("-c needs the name or address of the server");
    options.client.port = port;
    options.client.family = family;
    read_iperf2(reading, options.client);
    read_client_user(reading, options.client);
    if (!addresses.empty()) options.client.bind_host = addresses.front();
    read_parameters(reading, options);
    read_campaign_options(reading, options);
  }
  if (reading.problem()) return tl::make_unexpected(*reading.problem());
  return options;
}

}  // namespace isotach::command
