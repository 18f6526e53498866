#include "command/nettest/user_options.h"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <cstdlib>

#include "base/fd.h"

namespace isotach::command {
namespace {

constexpr std::size_t kLongestPassword = 128;

// A line of the terminal that is not shown.
std::optional<std::string> asked_for_password() {
  const Fd terminal(::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
  termios shown{};
  if (!terminal.is_open() || ::tcgetattr(terminal.get(), &shown) != 0) return std::nullopt;
  termios hidden = shown;
  hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  if (!write_all(terminal.get(), "password: ") || ::tcsetattr(terminal.get(), TCSAFLUSH, &hidden) != 0)
    return std::nullopt;
  std::string password;
  char c = 0;
  while (password.size() <= kLongestPassword && ::read(terminal.get(), &c, 1) == 1 && c != '\n')
    password += c;
  ::tcsetattr(terminal.get(), TCSAFLUSH, &shown);
  static_cast<void>(write_all(terminal.get(), "\n"));
  return password;
}

nettest::RsaPadding padding_of(const Reading& reading) {
  return reading.has("--use-pkcs1-padding") ? nettest::RsaPadding::pkcs1 : nettest::RsaPadding::oaep;
}

}  // namespace

std::vector<OptionSpec> user_option_specs() {
  return {
      {"--username", 0, "NAME", "client: who we are; the password is in $IPERF3_PASSWORD, or asked for",
       "users"},
      {"--rsa-public-key-path", 0, "FILE", "client: the server's public key, in PEM", "users"},
      {"--rsa-private-key-path", 0, "FILE",
       "server: its private key, in PEM; only users in the list may test", "users"},
      {"--authorized-users-path", 0, "FILE", "server: the list, lines of NAME,SHA-256 of {NAME}PASSWORD",
       "users"},
      {"--time-skew-threshold", 0, "SECONDS", "server: how far off a client's clock may be: 10 unless given",
       "users"},
      {"--use-pkcs1-padding", 0, "", "as iperf3 before 3.17; a flaw in it lets the password be found out",
       "users"},
  };
}

void read_client_user(Reading& reading, nettest::ClientOptions& client) {
  for (const char* option : {"--rsa-private-key-path", "--authorized-users-path", "--time-skew-threshold"})
    if (reading.has(option))
      reading.fail(Error{ErrorKind::usage, 0, std::string(option) + " is for the server", ""});
  if (reading.has("--username") != reading.has("--rsa-public-key-path"))
    reading.fail("--username and --rsa-public-key-path belong together");
  if (reading.problem() || !reading.has("--username")) return;
  if (client.iperf2) reading.fail("iperf 2 has no users");
  reading.text("--username", client.credentials.user);
  reading.text("--rsa-public-key-path", client.public_key_path);
  client.padding = padding_of(reading);
  if (const char* password = std::getenv("IPERF3_PASSWORD")) {
    client.credentials.password = password;
  } else if (auto asked = asked_for_password()) {
    client.credentials.password = std::move(*asked);
  } else {
    reading.fail("a user needs a password",
                 "put it into the environment: IPERF3_PASSWORD=... isotach nettest -c ...");
  }
  if (client.credentials.user.size() > kLongestPassword ||
      client.credentials.password.size() > kLongestPassword)
    reading.fail("name and password have at most 128 characters each");
}

void read_server_users(Reading& reading, nettest::ServerOptions& server) {
  for (const char* option : {"--username", "--rsa-public-key-path"})
    if (reading.has(option))
      reading.fail(Error{ErrorKind::usage, 0, std::string(option) + " is for the client", ""});
  if (reading.has("--rsa-private-key-path") != reading.has("--authorized-users-path"))
    reading.fail("--rsa-private-key-path and --authorized-users-path belong together");
  if (!reading.has("--rsa-private-key-path")) return;
  nettest::AuthenticationOptions users;
  reading.text("--rsa-private-key-path", users.private_key_path);
  reading.text("--authorized-users-path", users.users_path);
  reading.number("--time-skew-threshold", 1, 86400, users.skew_s);
  users.padding = padding_of(reading);
  server.users = users;
  server.iperf2_port = 0;  // its clients have no name to tell
}

}  // namespace isotach::command
