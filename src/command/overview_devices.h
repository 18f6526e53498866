// The overview's interfaces, protocols and disks.
#pragma once

#include <vector>

#include "command/overview_rates.h"

namespace isotach::command {

void fill_protocols(const Rates& rates, view::ProtocolArea& area);

// Of things that are still there the past is kept.
void fill_interfaces(const Rates& rates, std::vector<view::InterfaceArea>& areas);
void fill_disks(const Rates& rates, std::vector<view::DiskArea>& areas);

}  // namespace isotach::command
