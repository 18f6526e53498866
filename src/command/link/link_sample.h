// One sample of isotach link, and how it is shown: two readings of all interfaces, and everything about
// one of them where one was named.
#pragma once

#include <optional>
#include <string>

#include "network/link/snapshot.h"
#include "view/export/csv_writer.h"
#include "view/export/json_writer.h"
#include "view/table/table.h"

namespace isotach::command {

struct LinkSample {
  network::LinkSnapshot before;
  network::LinkSnapshot now;
  std::string only;  // this interface; empty for all
  std::optional<network::LinkDetails> details;
};

// "up", "no carrier", "off".
[[nodiscard]] std::string link_state(const network::Link& link);

// A row an interface.
[[nodiscard]] view::Table link_table(const LinkSample& sample);
// All about the one interface, in lines at most `columns` wide.
[[nodiscard]] std::string link_details_text(const LinkSample& sample, int columns);

void write_link_json(view::JsonWriter& json, const LinkSample& sample);
void write_link_csv_head(view::CsvWriter& csv);
void write_link_csv(view::CsvWriter& csv, const LinkSample& sample);

// Names of kernel numbers: "twisted pair", "fibre"; "internal".
[[nodiscard]] std::string port_name(std::uint64_t port);
// A value of a group as people read it: "on", "256"; "-" where it is missing.
[[nodiscard]] std::string field_text(kernel::EthtoolGroup group, std::size_t field, const Value& value);

}  // namespace isotach::command
