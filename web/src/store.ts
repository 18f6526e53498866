// The samples the page has: columns over one time axis, bounded as the server's history is.
import type { Cell, HistoryDocument, Mark, SampleEvent, Series } from './api';

const MARK_LIMIT = 1024;

export class Store {
  // Kept samples are those from `start` on; the arrays are compacted now and then.
  private start = 0;
  private times: number[] = [];
  private numbers: number[] = [];
  private columns = new Map<string, Cell[]>();
  private keyById: string[] = [];
  readonly marks: Mark[] = [];
  skipped = 0; // samples that the server no longer had when this page asked for them

  constructor(readonly limit: number) {}

  get length(): number {
    return this.times.length - this.start;
  }

  get lastNumber(): number {
    return this.numbers[this.numbers.length - 1] ?? 0;
  }

  get lastTime(): number | null {
    return this.times[this.times.length - 1] ?? null;
  }

  get firstTime(): number | null {
    return this.times[this.start] ?? null;
  }

  // Columns are kept for these series only; others that the stream brings are not.
  follow(series: readonly Series[], wanted: (series: Series) => boolean): void {
    for (const one of series) {
      if (!wanted(one)) continue;
      this.keyById[one.id] = one.key;
      if (!this.columns.has(one.key)) this.columns.set(one.key, new Array<Cell>(this.times.length).fill(null));
    }
  }

  addHistory(history: HistoryDocument): void {
    const count = history.wall_time_ms.length;
    for (let i = 0; i < count; ++i) {
      const number = history.first_number + i;
      if (number <= this.lastNumber) continue;
      this.times.push(history.wall_time_ms[i] as number);
      this.numbers.push(number);
      for (const [key, column] of this.columns) column.push(history.series[key]?.[i] ?? null);
    }
    for (const mark of history.events) this.addMark(mark);
    this.trim();
  }

  addSample(sample: SampleEvent): void {
    if (sample.number <= this.lastNumber) return;
    this.skipped += sample.skipped ?? 0;
    this.times.push(sample.wall_time_ms);
    this.numbers.push(sample.number);
    for (const column of this.columns.values()) column.push(null);
    const last = this.times.length - 1;
    sample.values.forEach((value, id) => {
      const key = this.keyById[id];
      if (key !== undefined) (this.columns.get(key) as Cell[])[last] = value;
    });
    this.trim();
  }

  addMark(mark: Mark): void {
    const known = this.marks.some((one) => one.wall_time_ms === mark.wall_time_ms && one.text === mark.text);
    if (known) return;
    this.marks.push(mark);
    if (this.marks.length > MARK_LIMIT) this.marks.shift();
  }

  latest(key: string): Cell {
    const column = this.columns.get(key);
    return column?.[column.length - 1] ?? null;
  }

  // The samples within [from, to] and one more on each side, so that lines reach the edges.
  slice(from: number, to: number): { first: number; end: number } {
    let first = this.lowerBound(from);
    let end = this.lowerBound(to);
    if (first > this.start) --first;
    if (end < this.times.length) ++end;
    return { first, end };
  }

  timesOf(first: number, end: number): number[] {
    return this.times.slice(first, end);
  }

  numberAt(index: number): number {
    return this.numbers[index] ?? 0;
  }

  column(key: string, first: number, end: number): Cell[] {
    return this.columns.get(key)?.slice(first, end) ?? new Array<Cell>(end - first).fill(null);
  }

  // Whether any of the last `count` samples shows something other than zero.
  isActive(key: string, count: number): boolean {
    const column = this.columns.get(key);
    if (column === undefined) return false;
    for (let i = Math.max(this.start, column.length - count); i < column.length; ++i) if (column[i]) return true;
    return false;
  }

  private lowerBound(time: number): number {
    let low = this.start;
    let high = this.times.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.times[middle] as number) < time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private trim(): void {
    this.start = Math.max(this.start, this.times.length - this.limit);
    if (this.start < 1024 || this.start < this.times.length / 2) return;
    this.times = this.times.slice(this.start);
    this.numbers = this.numbers.slice(this.start);
    for (const [key, column] of this.columns) this.columns.set(key, column.slice(this.start));
    this.start = 0;
  }
}
