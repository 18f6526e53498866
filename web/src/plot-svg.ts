// A plot as an SVG picture: what is on the screen, as lines that can be scaled and edited. Pure.
import type { Cell, Mark } from './api';
import { ticks, type Range } from './axis';
import type { Panel } from './panels';
import type { PlotData } from './plot-data';
import type { Theme } from './theme';
import { timeTicks } from './time-axis';
import { formatQuantity, formatTick, formatTime, scaleFor } from './units';

export interface SvgScene {
  panel: Panel;
  data: PlotData;
  hidden: (line: number) => boolean;
  window: { from: number; to: number }; // milliseconds
  range: Range;
  marks: readonly Mark[];
  theme: Theme;
  width: number;
  height: number; // of the plot, without head and legend
}

const LEFT = 84;
const RIGHT = 16;
const HEAD = 44;
const TIME_ROOM = 26;
const LEGEND_ROW = 22;
const LABEL_PX = 80;
const CHARACTER_PX = 7; // about, of the legend's letters

export const escaped = (text: string): string =>
  text
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '�')
    .replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

const px = (value: number): string => String(Math.round(value * 10) / 10);

// Runs of points without a gap.
function runs(column: readonly Cell[]): number[][] {
  const found: number[][] = [];
  let run: number[] = [];
  column.forEach((value, i) => {
    if (value !== null) run.push(i);
    else if (run.length > 0) {
      found.push(run);
      run = [];
    }
  });
  if (run.length > 0) found.push(run);
  return found;
}

export function svgText(scene: SvgScene): string {
  const { panel, data, window, range, theme, width, height } = scene;
  const right = width - RIGHT;
  const bottom = HEAD + height;
  const from = window.from / 1000;
  const to = window.to / 1000;
  const x = (seconds: number): number => LEFT + ((seconds - from) / (to - from)) * (right - LEFT);
  const y = (value: number): number => bottom - ((value - range.low) / (range.high - range.low)) * height;
  const out: string[] = [];
  const text = (at: number, row: number, words: string, extra: string): void => {
    out.push(`<text x="${px(at)}" y="${px(row)}" ${extra}>${escaped(words)}</text>`);
  };
  const rule = (x1: number, y1: number, x2: number, y2: number, extra: string): void => {
    out.push(`<line x1="${px(x1)}" y1="${px(y1)}" x2="${px(x2)}" y2="${px(y2)}" ${extra}/>`);
  };

  const values = ticks(range, panel.unit, 5);
  const scale = scaleFor(Math.max(Math.abs(range.low), Math.abs(range.high)), panel.unit);
  for (const at of values.positions) {
    rule(LEFT, y(at), right, y(at), `stroke="${theme.grid}"`);
    text(LEFT - 8, y(at) + 4, formatTick(at, values.step, scale), `text-anchor="end" fill="${theme.quiet}"`);
  }
  const times = timeTicks(from, to, (right - LEFT) / LABEL_PX);
  for (const at of times.positions) {
    rule(x(at), HEAD, x(at), bottom, `stroke="${theme.grid}"`);
    text(x(at), bottom + 18, formatTime(at * 1000, times.step * 1000), `text-anchor="middle" fill="${theme.quiet}"`);
  }

  out.push(`<g clip-path="url(#plot)">`);
  const order = panel.lines.map((_, i) => i).filter((i) => !scene.hidden(i));
  if (panel.stacked === true) order.reverse(); // from the top down: each area covers what reaches below it
  for (const i of order) out.push(...lineOf(scene, i, x, y));
  for (const mark of scene.marks) {
    if (mark.wall_time_ms < window.from || mark.wall_time_ms > window.to) continue;
    const at = x(mark.wall_time_ms / 1000);
    rule(at, HEAD, at, bottom, `stroke="${theme.mark}" stroke-dasharray="2 3"`);
    text(at + 4, HEAD + 12, mark.text, `fill="${theme.text}" font-size="11"`);
  }
  out.push('</g>');

  text(16, 26, panel.title, `fill="${theme.text}" font-size="16" font-weight="600"`);
  text(24 + panel.title.length * 9, 26, panel.subtitle, `fill="${theme.quiet}"`);
  let column = LEFT;
  let row = bottom + TIME_ROOM + 14;
  panel.lines.forEach((line, i) => {
    if (scene.hidden(i)) return;
    const latest = data.values[i]?.[data.times.length - 1];
    const words = `${line.title} ${formatQuantity(latest, panel.unit)}`;
    const room = 30 + words.length * CHARACTER_PX;
    if (column + room > right && column > LEFT) {
      column = LEFT;
      row += LEGEND_ROW;
    }
    const dash = line.dashed === true ? ' stroke-dasharray="5 4"' : '';
    rule(column, row - 4, column + 14, row - 4, `stroke="${theme.lines[line.colour]}" stroke-width="4"${dash}`);
    text(column + 20, row, words, `fill="${theme.text}"`);
    column += room;
  });
  const whole = row + 16;
  const size = `width="${width}" height="${px(whole)}" viewBox="0 0 ${width} ${px(whole)}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="system-ui, sans-serif" font-size="12">
<title>${escaped(panel.title)}</title>
<clipPath id="plot"><rect x="${LEFT}" y="${HEAD}" width="${px(right - LEFT)}" height="${height}"/></clipPath>
<rect width="100%" height="100%" fill="${theme.surface}"/>
${out.join('\n')}
</svg>
`;
}

function lineOf(scene: SvgScene, i: number, x: (seconds: number) => number, y: (value: number) => number): string[] {
  const { panel, data, theme } = scene;
  const line = panel.lines[i];
  if (line === undefined) return [];
  const column = data.drawn[i] ?? [];
  const ground = y(Math.max(scene.range.low, 0));
  const stroke = theme.lines[line.colour] ?? theme.text;
  const fill = panel.stacked === true ? theme.areas[line.colour] : i === 0 ? theme.fills[line.colour] : undefined;
  const found: string[] = [];
  for (const run of runs(column)) {
    const points = run.map((at) => `${px(x(data.times[at] as number))} ${px(y(column[at] as number))}`).join('L');
    if (fill !== undefined) {
      const first = px(x(data.times[run[0] as number] as number));
      const last = px(x(data.times[run[run.length - 1] as number] as number));
      found.push(`<path d="M${first} ${px(ground)}L${points}L${last} ${px(ground)}Z" fill="${fill}"/>`);
    }
    const dash = line.dashed === true ? ' stroke-dasharray="6 4"' : '';
    found.push(`<path d="M${points}" fill="none" stroke="${stroke}" stroke-width="1.75"${dash}/>`);
  }
  return found;
}
