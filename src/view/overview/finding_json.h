// A finding as JSON has it, in the report of the overview and for the page.
#pragma once

#include "view/export/json_writer.h"
#include "view/overview/model.h"

namespace isotach::view {

// Its keys, into the object that is open.
void write_finding_keys(JsonWriter& json, const FindingText& finding);

}  // namespace isotach::view
