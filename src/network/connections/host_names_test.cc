#include "network/connections/host_names.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

namespace isotach::network {
namespace {

using Bytes = std::vector<std::uint8_t>;

void append16(Bytes& bytes, std::size_t value) {
  bytes.push_back(static_cast<std::uint8_t>(value >> 8));
  bytes.push_back(static_cast<std::uint8_t>(value));
}

// A ClientHello that names `name` behind `padding` bytes of another extension.
Bytes client_hello(const std::string& name, std::size_t padding = 0) {
  Bytes extensions;
  append16(extensions, 21);
  append16(extensions, padding);
  extensions.insert(extensions.end(), padding, 0);
  append16(extensions, 0);
  append16(extensions, name.size() + 5);
  append16(extensions, name.size() + 3);
  extensions.push_back(0);
  append16(extensions, name.size());
  extensions.insert(extensions.end(), name.begin(), name.end());
  Bytes hello(2 + 32, 3);
  hello.push_back(0);
  append16(hello, 2);
  append16(hello, 0x1301);
  hello.push_back(1);
  hello.push_back(0);
  append16(hello, extensions.size());
  hello.insert(hello.end(), extensions.begin(), extensions.end());
  Bytes record = {22, 3, 1};
  append16(record, hello.size() + 4);
  record.insert(record.end(), {1, 0});
  append16(record, hello.size());
  record.insert(record.end(), hello.begin(), hello.end());
  return record;
}

HostName find(const std::string& text) {
  return find_host_name({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

TEST(HostNames, OfTls) {
  const HostName name = find_host_name(client_hello("www.example.com"));
  EXPECT_EQ(name.source, NameSource::tls);
  EXPECT_EQ(name.name, "www.example.com");
  EXPECT_FALSE(name.needs_more);
}

TEST(HostNames, EveryCutOfAHelloWantsMore) {
  const Bytes hello = client_hello("example.com", 300);
  for (std::size_t size = 3; size < hello.size(); ++size) {
    const HostName name = find_host_name(std::span(hello).first(size));
    EXPECT_EQ(name.source, NameSource::none) << size;
    EXPECT_TRUE(name.needs_more) << size;
  }
}

TEST(HostNames, OfHttp) {
  EXPECT_EQ(find("GET / HTTP/1.1\r\nAccept: */*\r\nhOsT:  example.com:8080 \r\n\r\n").name,
            "example.com:8080");
  EXPECT_TRUE(find("GET / HTTP/1.1\r\nAccept: */*\r\nHost: exam").needs_more);
  EXPECT_FALSE(find("GET / HTTP/1.0\r\n\r\nHost: x\r\n").needs_more);
  EXPECT_EQ(find("GET / HTTP/1.0\r\n\r\nHost: x\r\n").source, NameSource::none);
}

TEST(HostNames, NamesThatAreNone) {
  EXPECT_EQ(find_host_name(client_hello("a b")).source, NameSource::none);
  EXPECT_EQ(find_host_name(client_hello("\x1b[2J")).source, NameSource::none);
  EXPECT_EQ(find_host_name(client_hello(std::string(300, 'a'))).source, NameSource::none);
  EXPECT_EQ(find("GET / HTTP/1.1\r\nHost: <b>\r\n\r\n").source, NameSource::none);
  EXPECT_EQ(find("SSH-2.0-OpenSSH\r\n").source, NameSource::none);
  EXPECT_FALSE(find("SSH-2.0-OpenSSH\r\n").needs_more);
  EXPECT_EQ(find_host_name({}).source, NameSource::none);
}

}  // namespace
}  // namespace isotach::network
