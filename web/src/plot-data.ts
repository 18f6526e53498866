// From stored samples to what a chart draws: shares of all CPUs, stacks, and gaps where samples are
// missing. Pure.
import type { Cell } from './api';
import type { Panel } from './panels';
import type { Store } from './store';
import type { Range } from './axis';

export interface PlotData {
  times: number[]; // seconds
  numbers: number[]; // of the samples; 0 where a gap was put in
  values: Cell[][]; // what each line is worth
  drawn: Cell[][]; // where it is drawn: above the lines below it when stacked
}

// The sum of columns; what lacks a part has no sum.
export function sum(columns: readonly Cell[][]): Cell[] {
  const [first, ...rest] = columns;
  if (first === undefined) return [];
  if (rest.length === 0) return [...first];
  return first.map((value, i) => rest.reduce<Cell>((all, one) => add(all, one[i] ?? null), value));
}

const add = (a: Cell, b: Cell): Cell => (a === null || b === null ? null : a + b);

// `whole` is where rounding must not carry the sum of shares past.
export function stack(values: readonly Cell[][], hidden: (line: number) => boolean, whole = Infinity): Cell[][] {
  const count = values[0]?.length ?? 0;
  const sums = new Array<number>(count).fill(0);
  return values.map((column, line) => {
    if (hidden(line)) return new Array<Cell>(count).fill(null);
    return column.map((value, i) => (value === null ? null : (sums[i] = Math.min(whole, (sums[i] as number) + value))));
  });
}

// A line must not run straight over a time in which nothing was measured.
export function withGaps(data: PlotData, longestStepMs: number): PlotData {
  const breaks: number[] = [];
  for (let i = 1; i < data.times.length; ++i)
    if (((data.times[i] as number) - (data.times[i - 1] as number)) * 1000 > longestStepMs) breaks.push(i);
  if (breaks.length === 0) return data;
  const insert = <T>(column: readonly T[], between: (i: number) => T): T[] => {
    const result: T[] = [];
    let next = 0;
    column.forEach((value, i) => {
      if (breaks[next] === i) {
        result.push(between(i));
        ++next;
      }
      result.push(value);
    });
    return result;
  };
  const nothing = (): Cell => null;
  return {
    times: insert(data.times, (i) => ((data.times[i - 1] as number) + (data.times[i] as number)) / 2),
    numbers: insert(data.numbers, () => 0),
    values: data.values.map((column) => insert(column, nothing)),
    drawn: data.drawn.map((column) => insert(column, nothing)),
  };
}

export function plotData(
  store: Store,
  panel: Panel,
  window: { from: number; to: number },
  options: { longestStepMs: number; hidden: (line: number) => boolean },
): PlotData {
  const { first, end } = store.slice(window.from, window.to);
  const values = panel.lines.map((line) => sum(line.keys.map((key) => store.column(key, first, end))));
  if (panel.shareOf !== undefined) {
    const whole = sum(panel.shareOf.map((key) => store.column(key, first, end)));
    for (const column of values)
      column.forEach((value, i) => {
        const all = whole[i] ?? null;
        column[i] = value === null || all === null || all <= 0 ? null : value / all;
      });
  }
  const numbers: number[] = [];
  for (let i = first; i < end; ++i) numbers.push(store.numberAt(i));
  const times = store.timesOf(first, end).map((time) => time / 1000);
  const drawn =
    panel.stacked === true
      ? stack(values, options.hidden, panel.shareOf === undefined ? Infinity : 1)
      : values.map((column, line) => (options.hidden(line) ? new Array<Cell>(column.length).fill(null) : column));
  return withGaps({ times, numbers, values, drawn }, options.longestStepMs);
}

export function extent(columns: readonly Cell[][]): Range | null {
  let low = Infinity;
  let high = -Infinity;
  for (const column of columns)
    for (const value of column)
      if (value !== null) {
        if (value < low) low = value;
        if (value > high) high = value;
      }
  return low <= high ? { low, high } : null;
}
