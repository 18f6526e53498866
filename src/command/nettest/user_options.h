// Options of nettest for iperf3's user names and passwords.
#pragma once

#include <vector>

#include "command/nettest/reading.h"
#include "network/nettest/client.h"
#include "network/nettest/server.h"

namespace isotach::command {

[[nodiscard]] std::vector<OptionSpec> user_option_specs();
// The password comes from $IPERF3_PASSWORD, or is asked for at the terminal.
void read_client_user(Reading& reading, nettest::ClientOptions& client);
void read_server_users(Reading& reading, nettest::ServerOptions& server);

}  // namespace isotach::command
