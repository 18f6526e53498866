// What only the pages of memory and network show: pages that move, and what TCP and UDP count.
#include <fmt/format.h>

#include <algorithm>

#include "view/overview/sections.h"

namespace isotach::view {
namespace {

constexpr int kMostGraphRows = 12;
constexpr int kLeastGraphRows = 3;
constexpr int kNumberColumns = 12;

struct Rate {
  const char* name;
  Number per_second;
  Unit unit = Unit::count;
  bool bad = false;  // worth a warning where it is not zero
};

// A name and its rate a row; further ones beside it where there is room.
int rows_of(std::size_t count, int columns) {
  const int across = columns >= 70 ? 2 : 1;
  return (static_cast<int>(count) + across - 1) / across;
}

void draw_rates(Canvas canvas, const std::vector<Rate>& rates) {
  const int across = canvas.columns() >= 70 ? 2 : 1;
  const int width = (canvas.columns() - (across - 1) * 3) / across;
  const int rows = rows_of(rates.size(), canvas.columns());
  for (std::size_t i = 0; i < rates.size(); ++i) {
    const int row = static_cast<int>(i) % rows;
    Canvas cell =
        canvas.part(static_cast<int>(i) / rows * (width + 3), row, width, row < canvas.rows() ? 1 : 0);
    const Rate& rate = rates[i];
    const bool warn = rate.bad && rate.per_second.value_or(0) > 0;
    cell.text(0, 0, rate.name, Style::dim, cell.columns() - kNumberColumns);
    std::string text = quantity_text(rate.per_second, rate.unit);
    if (rate.unit == Unit::count && rate.per_second) text += "/s";
    cell.text_right(cell.columns(), 0, text, warn ? Style::warning : Style::plain);
  }
}

// `title`, the rates, and a history of one of them in what is left.
void draw_with_graph(Canvas canvas, const char* title, const std::vector<Rate>& rates, const char* graph_name,
                     const Past& past) {
  canvas.rule(title, "", Style::dim);
  const int rows = std::min(rows_of(rates.size(), canvas.columns()), canvas.rows() - 1);
  draw_rates(canvas.part(0, 1, canvas.columns(), rows), rates);
  const int left = canvas.rows() - 1 - rows;
  if (left < kLeastGraphRows) return;
  const double top = graph_top(past, 100);
  Canvas head = canvas.part(0, 1 + rows, canvas.columns(), 1);
  const int after = head.text(0, 0, graph_name, Style::dim);
  head.text_right(head.columns(), 0, quantity_text(top, Unit::count) + "/s", Style::dim, after + 1);
  canvas.part(0, 2 + rows, canvas.columns(), left - 1).graph(past, top, Style::series_1);
}

std::vector<Rate> paging_rates(const PagingArea& paging) {
  return {{"page faults", paging.faults_per_second},
          {"  that waited for a disk", paging.major_faults_per_second},
          {"reclaimed by the kernel", paging.reclaimed_kernel_per_second},
          {"reclaimed by programs", paging.reclaimed_programs_per_second, Unit::count, true},
          {"read from disks", paging.in_bytes_per_second, Unit::bytes_per_second},
          {"written to disks", paging.out_bytes_per_second, Unit::bytes_per_second},
          {"programs killed", paging.kills_per_second, Unit::count, true}};
}

SectionRows section_rows(std::size_t count, int columns, int priority) {
  const int good = 1 + rows_of(count, columns);
  return {std::min(3, good), good, good + 1 + kMostGraphRows, priority};
}

SectionRows paging_rows(const OverviewModel& model, const OverviewView&, int columns) {
  return section_rows(paging_rates(model.paging).size(), columns, 75);
}

void draw_paging(Canvas canvas, const OverviewModel& model, const OverviewView&) {
  draw_with_graph(canvas, "PAGES", paging_rates(model.paging), "page faults", model.paging.faults_past);
}

std::vector<Rate> protocol_rates(const ProtocolArea& protocols) {
  return {{"TCP segments sent", protocols.segments_per_second},
          {"  sent again", protocols.retransmits_per_second, Unit::count, true},
          {"  waits that ran out", protocols.timeouts_per_second, Unit::count, true},
          {"connections that failed", protocols.failed_per_second},
          {"  turned away, queue full", protocols.listen_drops_per_second, Unit::count, true},
          {"TCP receive buffers full", protocols.receive_drops_per_second, Unit::count, true},
          {"UDP datagrams received", protocols.datagrams_per_second},
          {"  dropped, buffer full", protocols.datagram_drops_per_second, Unit::count, true},
          {"dropped by a busy CPU", protocols.cpu_drops_per_second, Unit::count, true}};
}

SectionRows protocol_rows(const OverviewModel& model, const OverviewView&, int columns) {
  return section_rows(protocol_rates(model.protocols).size(), columns, 85);
}

void draw_protocols(Canvas canvas, const OverviewModel& model, const OverviewView&) {
  draw_with_graph(canvas, "PROTOCOLS", protocol_rates(model.protocols), "TCP segments sent",
                  model.protocols.segments_past);
}

}  // namespace

const Section kPagingSection = {paging_rows, draw_paging};
const Section kProtocolSection = {protocol_rows, draw_protocols};

}  // namespace isotach::view
