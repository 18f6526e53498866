// iperf3's user names and passwords: the client encrypts them under the server's public RSA key, with the
// time, and the server looks them up in a file.
//
// It keeps strangers out, and hides nothing else: who records a token may use it again while its time is near
// enough, and results and data go over the wire as they are.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace isotach::nettest {

enum class RsaPadding : std::uint8_t {
  oaep,
  pkcs1,  // of iperf3 before 3.17, and open to a timing attack (CVE-2024-26306)
};

struct Credentials {
  std::string user;
  std::string password;
};

// What the key encrypts. Pure.
struct TokenText {
  Credentials credentials;
  std::int64_t time_s = 0;  // since 1970
};
[[nodiscard]] std::string token_text(const TokenText& token);
[[nodiscard]] std::optional<TokenText> read_token_text(std::string_view text);
// Nothing where `text` is no base64.
[[nodiscard]] std::optional<std::string> read_base64(std::string_view text);
// Whether a file of lines "user,SHA-256 of {user}password in hexadecimal" has them. Lines with # are
// comments.
[[nodiscard]] bool is_listed(std::string_view users, const Credentials& credentials);

// Fails where the file holds no public RSA key, or one too short for the credentials.
[[nodiscard]] Result<std::string> make_token(const std::string& public_key_path,
                                             const Credentials& credentials, std::int64_t time_s,
                                             RsaPadding padding);

struct AuthenticationOptions {
  std::string private_key_path;
  std::string users_path;
  std::int64_t skew_s = 10;
  RsaPadding padding = RsaPadding::oaep;
};

// Whether both files can be read and hold what they should: for the start of a server.
[[nodiscard]] Result<void> check_authentication(const AuthenticationOptions& options);
// Whom a token names, where it is one that `options` allow; the reason why not is for the server's own log.
// The files are read each time, so that users can be changed.
[[nodiscard]] Result<std::string> allowed_user(const AuthenticationOptions& options, const std::string& token,
                                               std::int64_t now_s);

}  // namespace isotach::nettest
