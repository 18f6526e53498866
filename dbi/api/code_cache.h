// The engine's side of pin/code_cache.h.
//
// Thread rules: with the translation lock held.
#pragma once

namespace isotach::dbi {
struct Unit;
}

namespace isotach::dbi::api {

bool wants_inserted_traces();
void cache_begins();
void cache_flushed();
// Of the plan that current_plan() knows.
void tell_inserted_trace(const Unit& unit);

}  // namespace isotach::dbi::api
