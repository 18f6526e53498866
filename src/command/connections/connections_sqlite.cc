#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "command/connections/connections_view.h"
#include "network/connections/fields.h"
#include "record/table_file.h"

namespace isotach::command {
namespace {

using network::Connection;
using network::FieldValue;
using record::TableFile;

std::vector<TableFile::Column> columns_of(bool with_limits) {
  using Type = TableFile::Type;
  std::vector<TableFile::Column> columns = {{"conn", Type::integer},
                                            {"host_a", Type::text},
                                            {"port_a", Type::integer},
                                            {"host_b", Type::text},
                                            {"port_b", Type::integer},
                                            {"name", Type::text},
                                            {"state", Type::text},
                                            {"first_packet_ns", Type::integer},
                                            {"last_packet_ns", Type::integer},
                                            {"total_packets", Type::integer},
                                            {"handshake_ms", Type::real}};
  if (with_limits) {
    columns.push_back({"limit_a2b", Type::text});
    columns.push_back({"limit_b2a", Type::text});
  }
  const Connection none;
  for (const network::DirectionField& field : network::direction_fields()) {
    const bool is_text = std::holds_alternative<std::string>(field.value(none, none.a()));
    const bool is_plain = std::string_view(field.unit).empty() || std::string_view(field.unit) == "bytes";
    const Type type = is_text ? Type::text : is_plain ? Type::integer : Type::real;
    for (const char* side : {"_a2b", "_b2a"}) columns.push_back({std::string(field.name) + side, type});
  }
  return columns;
}

TableFile::Value value_of(FieldValue value) {
  if (auto* text = std::get_if<std::string>(&value)) return std::move(*text);
  if (const auto* count = std::get_if<std::uint64_t>(&value)) return static_cast<std::int64_t>(*count);
  if (const auto* real = std::get_if<double>(&value)) return *real;
  return {};
}

TableFile::Value limit_of(const network::LimitObserver& limits, std::size_t index, int side) {
  const network::LimitShares* shares = limits.shares(index, side);
  if (shares == nullptr || !shares->is_known()) return {};
  return std::string(network::limit_key(shares->verdict()));
}

}  // namespace

Result<void> write_connections_sqlite(const std::string& path, const network::Tracker& tracker,
                                      const Shown& shown, const network::HostNames& names,
                                      const network::LimitObserver* limits) {
  auto file = TableFile::create(path, "connections", columns_of(limits != nullptr));
  if (!file) return tl::make_unexpected(std::move(file.error()));
  std::vector<TableFile::Value> row;
  for (const std::size_t index : shown) {
    const Connection& one = tracker[index];
    const std::string& name = names.name(index).name;
    row.clear();
    row.emplace_back(static_cast<std::int64_t>(index + 1));
    row.emplace_back(one.key.source_address().text());
    row.emplace_back(std::int64_t{one.key.source_port});
    row.emplace_back(one.key.destination_address().text());
    row.emplace_back(std::int64_t{one.key.destination_port});
    row.push_back(name.empty() ? TableFile::Value() : TableFile::Value(name));
    row.emplace_back(std::string(network::connection_state_name(one.state())));
    row.emplace_back(one.first_ns);
    row.emplace_back(one.last_ns);
    row.emplace_back(static_cast<std::int64_t>(one.packets()));
    row.push_back(one.handshake_ns < 0 ? TableFile::Value()
                                       : TableFile::Value(static_cast<double>(one.handshake_ns) / 1e6));
    if (limits != nullptr) {
      row.push_back(limit_of(*limits, index, 0));
      row.push_back(limit_of(*limits, index, 1));
    }
    for (const network::DirectionField& field : network::direction_fields()) {
      row.push_back(value_of(field.value(one, one.a())));
      row.push_back(value_of(field.value(one, one.b())));
    }
    if (auto added = (*file)->add(row); !added) return added;
  }
  return (*file)->finish();
}

}  // namespace isotach::command
