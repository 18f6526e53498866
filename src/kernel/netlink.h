// Requests to the kernel over netlink sockets, and what it answers
// (kernel: Documentation/userspace-api/netlink/intro.rst). The socket and the building of messages are
// libmnl's; answers are taken apart in netlink_attributes.h, which any bytes may be given to.
//
// Thread rule: one thread at a time for each object.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace isotach::kernel {

// A request that is being written.
class NetlinkMessage {
 public:
  // `dump`: the kernel is asked for all objects, not one. A change is acknowledged or refused; what is
  // created may not be there yet.
  enum class Kind { get, dump, change, create };
  NetlinkMessage(std::uint16_t type, Kind kind);

  // The fixed header of the family, which stands before all attributes.
  void put_header(const void* bytes, std::size_t size);
  void put_u8(std::uint16_t attribute, std::uint8_t value);
  void put_u32(std::uint16_t attribute, std::uint32_t value);
  void put_flag(std::uint16_t attribute);
  void put_text(std::uint16_t attribute, const std::string& value);
  void put_bytes(std::uint16_t attribute, std::string_view value);
  // Attributes put between the two are inside it.
  [[nodiscard]] std::size_t begin_nest(std::uint16_t attribute);
  void end_nest(std::size_t nest);

 private:
  friend class NetlinkSocket;
  static constexpr std::size_t kLimitBytes = 8192;
  std::vector<std::uint64_t> buffer_;  // aligned for the headers
};

// Requests for one object each, all of one type, that are sent together: a call to the kernel costs as much
// as answering one does.
class NetlinkBatch {
 public:
  static constexpr std::size_t kMost = 32;  // their answers fit into the socket's memory

  explicit NetlinkBatch(std::uint16_t type) : type_(type) {}
  // `header`: the fixed header of the family.
  void add(const void* header, std::size_t size);
  [[nodiscard]] std::size_t size() const { return places_.size(); }

 private:
  friend class NetlinkSocket;
  std::uint16_t type_;
  std::vector<std::uint64_t> words_;  // aligned for the headers
  std::vector<std::size_t> places_;   // of each request, in words
};

class NetlinkSocket {
 public:
  // `protocol` is NETLINK_ROUTE, NETLINK_GENERIC, ...
  [[nodiscard]] static Result<NetlinkSocket> open(int protocol);

  // Sends it and hands over each answer, without the header of netlink itself. `doing` says for an error
  // what was tried: "ask for the rings of eth0". What the kernel says in words is added to it.
  [[nodiscard]] Result<void> ask(NetlinkMessage& message, const std::string& doing,
                                 const std::function<void(std::string_view)>& each);
  [[nodiscard]] Result<void> ask(NetlinkMessage& message, const std::string& doing) {
    return ask(message, doing, [](std::string_view) {});
  }
  // `each` gets the place of a request, and its answer or the errno of a refusal; in any order.
  [[nodiscard]] Result<void> ask_together(
      NetlinkBatch& batch, const std::string& doing,
      const std::function<void(std::size_t, std::string_view, int)>& each);

 private:
  struct Closer {
    void operator()(void* socket) const;
  };
  explicit NetlinkSocket(void* socket) : socket_(socket) {}

  std::unique_ptr<void, Closer> socket_;
  std::uint32_t sequence_ = 0;
  std::vector<std::uint64_t> buffer_;
};

}  // namespace isotach::kernel
