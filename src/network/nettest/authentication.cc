#include "network/nettest/authentication.h"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <array>
#include <limits>
#include <memory>

#include "base/fd.h"
#include "base/text.h"

namespace isotach::nettest {
namespace {

constexpr std::size_t kFileLimitBytes = std::size_t{1024} * 1024;
constexpr std::size_t kTokenLimitBytes = 8192;
constexpr std::string_view kUser = "user: ";
constexpr std::string_view kPassword = "\npwd:  ";
constexpr std::string_view kTime = "\nts:   ";

template <auto Free>
struct Deleter {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Deleter<EVP_PKEY_CTX_free>>;
using Bio = std::unique_ptr<BIO, Deleter<BIO_free>>;

// A key with a pass phrase would ask the terminal for it.
int no_pass_phrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*context*/) {
  return -1;
}

Result<Key> read_key(const std::string& path, bool is_private) {
  const auto text = read_file(path, kFileLimitBytes);
  if (!text) return tl::make_unexpected(text.error());
  const Bio bio(BIO_new_mem_buf(text->data(), static_cast<int>(text->size())));
  Key key(!bio         ? nullptr
          : is_private ? PEM_read_bio_PrivateKey(bio.get(), nullptr, no_pass_phrase, nullptr)
                       : PEM_read_bio_PUBKEY(bio.get(), nullptr, no_pass_phrase, nullptr));
  if (!key || EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA)
    return failure(ErrorKind::failed,
                   fmt::format("{} holds no {} RSA key in PEM without a pass phrase", printable(path),
                               is_private ? "private" : "public"),
                   is_private
                       ? "make one: openssl genrsa -out private.pem 2048"
                       : "take it from the private one: openssl rsa -in private.pem -pubout -out public.pem");
  return key;
}

KeyContext context_of(const Key& key, bool decrypts, RsaPadding padding) {
  KeyContext context(EVP_PKEY_CTX_new(key.get(), nullptr));
  const int kind = padding == RsaPadding::oaep ? RSA_PKCS1_OAEP_PADDING : RSA_PKCS1_PADDING;
  if (!context ||
      (decrypts ? EVP_PKEY_decrypt_init(context.get()) : EVP_PKEY_encrypt_init(context.get())) <= 0 ||
      EVP_PKEY_CTX_set_rsa_padding(context.get(), kind) <= 0)
    return nullptr;
  return context;
}

using Crypt = int (*)(EVP_PKEY_CTX*, unsigned char*, std::size_t*, const unsigned char*, std::size_t);

std::optional<std::string> crypt(Crypt function, EVP_PKEY_CTX* context, std::string_view in) {
  const auto* data = reinterpret_cast<const unsigned char*>(in.data());
  std::size_t size = 0;
  if (function(context, nullptr, &size, data, in.size()) <= 0) return std::nullopt;
  std::string out(size, '\0');
  if (function(context, reinterpret_cast<unsigned char*>(out.data()), &size, data, in.size()) <= 0)
    return std::nullopt;
  out.resize(size);
  return out;
}

std::string base64(std::string_view bytes) {
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(size));
  return out;
}

std::string hash_of(const Credentials& credentials) {
  const std::string text = "{" + credentials.user + "}" + credentials.password;
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1) return {};
  std::string out;
  for (unsigned i = 0; i < size; ++i) out += fmt::format("{:02x}", digest[i]);
  return out;
}

int value_of(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

}  // namespace

std::string token_text(const TokenText& token) {
  return fmt::format("{}{}{}{}{}{}", kUser, token.credentials.user, kPassword, token.credentials.password,
                     kTime, token.time_s);
}

std::optional<TokenText> read_token_text(std::string_view text) {
  if (!text.starts_with(kUser)) return std::nullopt;
  text.remove_prefix(kUser.size());
  // Its time comes last, so that a password may hold anything.
  const std::size_t password = text.find(kPassword);
  const std::size_t time = text.rfind(kTime);
  if (password == std::string_view::npos || time == std::string_view::npos ||
      time < password + kPassword.size())
    return std::nullopt;
  const auto time_s = parse_unsigned(std::string(text.substr(time + kTime.size())));
  if (!time_s || *time_s > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
    return std::nullopt;
  TokenText token;
  token.credentials.user = text.substr(0, password);
  token.credentials.password = text.substr(password + kPassword.size(), time - password - kPassword.size());
  token.time_s = static_cast<std::int64_t>(*time_s);
  return token;
}

std::optional<std::string> read_base64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0) return std::nullopt;
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  std::string out;
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int value = i + padding >= text.size() ? 0 : value_of(text[i]);
    if (value < 0) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    if (i % 4 != 3) continue;
    for (const int shift : {16, 8, 0}) out += static_cast<char>(bits >> shift & 0xff);
    bits = 0;
  }
  out.resize(out.size() - padding);
  return out;
}

bool is_listed(std::string_view users, const Credentials& credentials) {
  const std::string hash = hash_of(credentials);
  bool found = false;
  for (const std::string_view line : split(users, '\n')) {
    const std::size_t comma = line.find(',');
    if (line.starts_with('#') || comma == std::string_view::npos) continue;
    std::string_view listed = line.substr(comma + 1);
    while (!listed.empty() && (listed.back() == '\r' || listed.back() == ' ')) listed.remove_suffix(1);
    // All lines are compared, whichever fits: how long it takes tells nothing.
    const bool same = listed.size() == hash.size() && !hash.empty() &&
                      CRYPTO_memcmp(listed.data(), hash.data(), hash.size()) == 0;
    found = (line.substr(0, comma) == credentials.user && same) || found;
  }
  return found;
}

Result<std::string> make_token(const std::string& public_key_path, const Credentials& credentials,
                               std::int64_t time_s, RsaPadding padding) {
  const auto key = read_key(public_key_path, false);
  if (!key) return tl::make_unexpected(key.error());
  const KeyContext context = context_of(*key, false, padding);
  const auto bytes =
      context ? crypt(EVP_PKEY_encrypt, context.get(), token_text({credentials, time_s})) : std::nullopt;
  if (!bytes)
    return failure(ErrorKind::failed, "the key cannot encrypt a name and a password that long",
                   "use a key of 2048 bits or more");
  return base64(*bytes);
}

Result<void> check_authentication(const AuthenticationOptions& options) {
  if (const auto key = read_key(options.private_key_path, true); !key)
    return tl::make_unexpected(key.error());
  if (const auto users = read_file(options.users_path, kFileLimitBytes); !users)
    return tl::make_unexpected(users.error());
  return {};
}

Result<std::string> allowed_user(const AuthenticationOptions& options, const std::string& token,
                                 std::int64_t now_s) {
  if (token.empty()) return failure(ErrorKind::not_permitted, "the client names no user");
  const auto key = read_key(options.private_key_path, true);
  if (!key) return tl::make_unexpected(key.error());
  const auto users = read_file(options.users_path, kFileLimitBytes);
  if (!users) return tl::make_unexpected(users.error());
  const auto bytes = token.size() <= kTokenLimitBytes ? read_base64(token) : std::nullopt;
  const KeyContext context = context_of(*key, true, options.padding);
  const auto text = bytes && context ? crypt(EVP_PKEY_decrypt, context.get(), *bytes) : std::nullopt;
  const auto read = text ? read_token_text(*text) : std::nullopt;
  if (!read)
    return failure(ErrorKind::not_permitted,
                   "the client's token is not for our key, or padded in another way");
  const std::string user = printable(read->credentials.user);
  const std::int64_t off_s = read->time_s > now_s ? read->time_s - now_s : now_s - read->time_s;
  if (off_s > options.skew_s)
    return failure(
        ErrorKind::not_permitted,
        fmt::format("the token of {} is {} s off our clock; --time-skew-threshold allows more", user, off_s));
  if (!is_listed(*users, read->credentials))
    return failure(ErrorKind::not_permitted, fmt::format("{} is not in our list with this password", user));
  return user;
}

}  // namespace isotach::nettest
