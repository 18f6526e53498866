// One plot: uPlot with our axes, marks and shared cursor.
import uPlot from 'uplot';
import type { Mark, UnitName } from './api';
import { ticks, type Range } from './axis';
import type { Panel } from './panels';
import type { PlotData } from './plot-data';
import type { Theme } from './theme';
import { timeTicks } from './time-axis';
import { formatTick, formatTime, scaleFor } from './units';

export const CHART_HEIGHT = 190;
const SYNC_GROUP = 'time';
const MARK_LABEL_LIMIT = 40;
const LABEL_PX = 80; // of the time axis, with room between
const END_ROOM_PX = 16; // half a label, less the padding

export interface ChartHooks {
  theme(): Theme;
  marks(): readonly Mark[];
  // The cursor moved to this point of the data, or left.
  cursor(index: number | null): void;
  zoom(fromMs: number, toMs: number): void;
  resetZoom(): void;
}

const FONT = '12px system-ui, sans-serif';

export class Chart {
  private readonly plot: uPlot;
  private range: Range = { low: 0, high: 1 };
  private window = { from: 0, to: 1 };

  constructor(
    private readonly host: HTMLElement,
    private readonly panel: Panel,
    private readonly hooks: ChartHooks,
  ) {
    this.plot = new uPlot(this.options(), [[], ...panel.lines.map(() => [])] as uPlot.AlignedData, host);
    this.plot.over.addEventListener('dblclick', () => hooks.resetZoom());
    this.plot.over.addEventListener('mouseleave', () => hooks.cursor(null));
  }

  draw(data: PlotData, window: { from: number; to: number }, range: Range): void {
    this.window = { from: window.from / 1000, to: window.to / 1000 };
    this.range = range;
    const columns = this.panel.stacked === true ? [...data.drawn].reverse() : data.drawn;
    this.plot.batch(() => {
      this.plot.setData([data.times, ...columns] as uPlot.AlignedData, false);
      this.plot.setScale('x', { min: this.window.from, max: this.window.to });
      this.plot.setScale('y', { min: range.low, max: range.high });
    });
  }

  resize(width: number): void {
    if (width > 0 && Math.abs(width - this.plot.width) >= 1) this.plot.setSize({ width, height: CHART_HEIGHT });
  }

  recolour(): void {
    this.plot.redraw(false, true);
  }

  get canvas(): HTMLCanvasElement {
    return this.plot.ctx.canvas;
  }

  // What is on the canvas now, for tests: uPlot's own arrays and scale.
  get drawn(): { times: number[]; columns: (number | null)[][]; low: number; high: number } {
    const [times, ...columns] = this.plot.data;
    const { min, max } = this.plot.scales['y'] as uPlot.Scale;
    const ordered = this.panel.stacked === true ? columns.reverse() : columns;
    return {
      times: [...times],
      columns: ordered.map((column) => [...column] as (number | null)[]),
      low: min ?? 0,
      high: max ?? 0,
    };
  }

  private options(): uPlot.Options {
    const { hooks, panel } = this;
    const unit: UnitName = panel.unit;
    const axis = {
      stroke: () => hooks.theme().quiet,
      grid: { stroke: () => hooks.theme().grid, width: 1 },
      ticks: { show: false },
      font: FONT,
    };
    const yTicks = (): { step: number; positions: number[] } => ticks(this.range, unit, 5);
    return {
      width: Math.max(this.host.clientWidth, 100),
      height: CHART_HEIGHT,
      legend: { show: false },
      padding: [10, 12, 0, 0],
      cursor: {
        sync: { key: SYNC_GROUP, setSeries: false, scales: ['x', null] },
        drag: { x: true, y: false, setScale: false, dist: 5 },
        y: false,
        points: { size: 7 },
      },
      select: { show: true, left: 0, top: 0, width: 0, height: 0 },
      scales: {
        x: { time: false, range: () => [this.window.from, this.window.to] },
        y: { range: () => [this.range.low, this.range.high] },
      },
      axes: [
        {
          ...axis,
          size: 26,
          gap: 6,
          splits: (u, _axis, min, max) => timeTicks(min, max, u.width / LABEL_PX).positions,
          values: (u, splits) => {
            const { step } = timeTicks(this.window.from, this.window.to, u.width / LABEL_PX);
            // A label at the very end would be cut off.
            const end = u.bbox.width / devicePixelRatio - END_ROOM_PX;
            return splits.map((at) => (u.valToPos(at, 'x') > end ? '' : formatTime(at * 1000, step * 1000)));
          },
        },
        {
          ...axis,
          size: 78,
          gap: 8,
          splits: () => yTicks().positions,
          values: (_u, splits) => {
            const { step } = yTicks();
            const scale = scaleFor(Math.max(Math.abs(this.range.low), Math.abs(this.range.high)), unit);
            return splits.map((at) => formatTick(at, step, scale));
          },
        },
      ],
      series: [{}, ...this.series()],
      hooks: {
        drawClear: [(u) => this.drawMarks(u)],
        setCursor: [(u) => hooks.cursor(u.cursor.idx ?? null)],
        setSelect: [
          (u) => {
            if (u.select.width < 5) return;
            const from = u.posToVal(u.select.left, 'x');
            const to = u.posToVal(u.select.left + u.select.width, 'x');
            u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
            hooks.zoom(from * 1000, to * 1000);
          },
        ],
      },
    };
  }

  // A stack is drawn from its top down, so that each area covers what reaches below it.
  private series(): uPlot.Series[] {
    const stacked = this.panel.stacked === true;
    const all = this.panel.lines.map((line, i): uPlot.Series => {
      const base: uPlot.Series = {
        label: line.title,
        stroke: () => this.hooks.theme().lines[line.colour] ?? '#888',
        width: stacked ? 1.25 : 1.75,
        points: { show: false },
        spanGaps: false,
      };
      if (stacked) base.fill = () => this.hooks.theme().areas[line.colour] ?? '#888';
      else if (i === 0) base.fill = () => this.hooks.theme().fills[line.colour] ?? 'transparent';
      if (line.dashed === true) base.dash = [6, 4];
      return base;
    });
    return stacked ? all.reverse() : all;
  }

  private drawMarks(u: uPlot): void {
    const { mark, text } = this.hooks.theme();
    const { ctx, bbox } = u;
    const ratio = devicePixelRatio;
    ctx.save();
    ctx.font = `${11 * ratio}px system-ui, sans-serif`;
    ctx.textBaseline = 'top';
    let free = -Infinity; // labels do not write over each other
    for (const one of this.hooks.marks()) {
      const seconds = one.wall_time_ms / 1000;
      if (seconds < this.window.from || seconds > this.window.to) continue;
      const x = Math.round(u.valToPos(seconds, 'x', true));
      ctx.strokeStyle = mark;
      ctx.lineWidth = ratio;
      ctx.setLineDash([2 * ratio, 3 * ratio]);
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      if (x < free) continue;
      const words = one.text.length > MARK_LABEL_LIMIT ? `${one.text.slice(0, MARK_LABEL_LIMIT - 1)}…` : one.text;
      const width = ctx.measureText(words).width;
      const left = x + width + 6 * ratio > bbox.left + bbox.width ? x - width - 4 * ratio : x + 4 * ratio;
      ctx.fillStyle = text;
      ctx.fillText(words, left, bbox.top + 2 * ratio);
      free = x + width + 12 * ratio;
    }
    ctx.restore();
  }
}
