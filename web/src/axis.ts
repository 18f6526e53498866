// The value axis: it follows the data that is visible. It grows at once when data leaves it, so that
// no point is ever clipped. It shrinks only when a good part of it has stood empty for a while, and
// then glides. The terminal's plot goes by the same rule.
import type { UnitName } from './api';
import { scaleFor } from './units';

export interface Range {
  low: number;
  high: number;
}

export const HOLD_MS = 1000; // how long the axis must have been too wide
export const GLIDE_MS = 600;
export const SLACK = 0.2; // the share of the axis that must be unused

// The smallest round step that leaves at most `limit` steps in a span: 1, 2, 5 times a power of ten
// in the unit that is shown.
export function tickStep(span: number, unit: UnitName, limit: number, magnitude: number): number {
  const { divisor } = scaleFor(magnitude, unit);
  const least = span / divisor / Math.max(1, limit);
  if (!(least > 0) || !Number.isFinite(least)) return divisor;
  const power = 10 ** Math.floor(Math.log10(least));
  for (const factor of [1, 2, 5]) if (factor * power >= least * (1 - 1e-9)) return factor * power * divisor;
  return 10 * power * divisor;
}

export function ticks(range: Range, unit: UnitName, limit: number): { step: number; positions: number[] } {
  const magnitude = Math.max(Math.abs(range.low), Math.abs(range.high));
  const step = tickStep(range.high - range.low, unit, limit, magnitude);
  const positions: number[] = [];
  const first = Math.ceil(range.low / step - 1e-9) + 0; // + 0: no negative zero
  const last = Math.floor(range.high / step + 1e-9);
  for (let i = first; i <= last && positions.length < 50; ++i) positions.push(i * step);
  return { step, positions };
}

// What an empty or all-zero plot shows, so that its axis does not magnify noise.
const LEAST: Record<UnitName, number> = {
  count: 10,
  bytes: 1024 * 1024,
  seconds: 1,
  ratio: 0.05,
  bytes_per_second: 64 * 1024,
  bits_per_second: 100_000,
  per_second: 10,
};

// Round bounds that hold `visible`, zero, and a little room.
export function roundedRange(visible: Range, unit: UnitName): Range {
  const high = Math.max(visible.high, 0) * 1.06;
  const low = Math.min(visible.low, 0) * 1.06;
  const span = Math.max(high - low, LEAST[unit]);
  const step = tickStep(span, unit, 8, Math.max(span, high, -low));
  const top = Math.max(Math.ceil((low === 0 ? span : high) / step) * step, step);
  // Shares rarely exceed a whole, and an axis that ends at it says so.
  const whole = unit === 'ratio' && visible.high <= 1 ? Math.min(top, 1) : top;
  return { low: low === 0 ? 0 : Math.floor(low / step) * step, high: whole };
}

export class ValueAxis {
  private shown: Range | null = null;
  private slackSince: number | null = null;
  private glide: { from: Range; to: Range; start: number } | null = null;

  constructor(
    private readonly unit: UnitName,
    private readonly gliding: () => boolean = () => true,
  ) {}

  // The range for this moment. `visible` is the span of all visible values, null when there are none.
  update(visible: Range | null, nowMs: number): Range {
    if (visible === null) return this.shown ?? { low: 0, high: LEAST[this.unit] };
    const wanted = roundedRange(visible, this.unit);
    if (this.shown === null) return (this.shown = wanted);

    if (this.glide !== null) {
      const part = Math.min(1, (nowMs - this.glide.start) / GLIDE_MS);
      const eased = part * (2 - part);
      const { from, to } = this.glide;
      this.shown = {
        low: from.low + (to.low - from.low) * eased,
        high: from.high + (to.high - from.high) * eased,
      };
      if (part >= 1) {
        this.shown = to;
        this.glide = null;
      }
    }
    if (visible.high > this.shown.high || visible.low < this.shown.low) {
      this.shown = { low: Math.min(this.shown.low, wanted.low), high: Math.max(this.shown.high, wanted.high) };
      this.glide = null;
      this.slackSince = null;
      return this.shown;
    }
    if (this.glide === null) this.considerShrinking(wanted, nowMs);
    return this.shown;
  }

  // Starts anew, for another stretch of time.
  reset(): void {
    this.shown = null;
    this.slackSince = null;
    this.glide = null;
  }

  get moving(): boolean {
    return this.glide !== null;
  }

  private considerShrinking(wanted: Range, nowMs: number): void {
    const shown = this.shown as Range;
    const slack = Math.max(shown.high - wanted.high, wanted.low - shown.low);
    if (slack <= SLACK * (shown.high - shown.low)) {
      this.slackSince = null;
      return;
    }
    this.slackSince ??= nowMs;
    if (nowMs - this.slackSince < HOLD_MS) return;
    this.slackSince = null;
    const to = { low: Math.max(wanted.low, shown.low), high: Math.min(wanted.high, shown.high) };
    if (this.gliding()) this.glide = { from: shown, to, start: nowMs };
    else this.shown = to;
  }
}
