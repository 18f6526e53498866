// The statistics of a connection as text, in the order of direction_fields(): for tables of hundreds of
// thousands of rows.
#pragma once

#include <cstddef>

#include "network/connections/connection.h"

namespace isotach::network {

// Characters that write_field_texts() may write.
[[nodiscard]] std::size_t most_field_text();
// How many fields it writes.
[[nodiscard]] std::size_t field_text_count();

// Of each field first that of a, then that of b, all with a comma between them; nothing where there is no
// value. Returns the end. Numbers read back as what FieldValue holds, and no text has signs that mean
// something in a CSV file.
[[nodiscard]] char* write_field_texts(char* at, const Connection& connection);

}  // namespace isotach::network
