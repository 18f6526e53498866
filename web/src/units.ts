// Numbers as text for people, by the rules of the whole suite: bits are SI, bytes are IEC, units are
// written out, three significant digits.
import type { UnitName } from './api';

export interface Scale {
  divisor: number;
  suffix: string;
}

const BINARY = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];
const SI = ['', 'k', 'M', 'G', 'T', 'P', 'E'];

function stepped(magnitude: number, base: number, names: readonly string[], tail: string): Scale {
  let divisor = 1;
  let i = 0;
  while (magnitude >= divisor * base && i < names.length - 1) {
    divisor *= base;
    ++i;
  }
  return { divisor, suffix: `${names[i] ?? ''}${tail}` };
}

// The scale that suits a largest value of `magnitude`.
export function scaleFor(magnitude: number, unit: UnitName): Scale {
  const size = Math.abs(magnitude);
  switch (unit) {
    case 'bytes':
      return stepped(size, 1024, BINARY, '');
    case 'bytes_per_second':
      return stepped(size, 1024, BINARY, '/s');
    case 'bits_per_second':
      return stepped(size, 1000, SI, 'bit/s');
    case 'ratio':
      return { divisor: 0.01, suffix: '%' };
    case 'per_second':
      return stepped(size, 1000, SI, '/s');
    case 'count':
      return size < 10_000 ? { divisor: 1, suffix: '' } : stepped(size, 1000, SI, '');
    case 'seconds':
      if (size >= 1 || size === 0) return { divisor: 1, suffix: 's' };
      return size >= 1e-3 ? { divisor: 1e-3, suffix: 'ms' } : { divisor: 1e-6, suffix: 'µs' };
  }
}

const decimals = (scaled: number): number => {
  const size = Math.abs(scaled);
  if (size >= 99.95) return 0;
  return size >= 9.995 ? 1 : 2;
};

export function formatQuantity(value: number | null | undefined, unit: UnitName): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  const { divisor, suffix } = scaleFor(value, unit);
  const scaled = value / divisor;
  if (value === 0) return suffix === '' ? '0' : `0 ${suffix}`;
  const whole = (unit === 'count' || unit === 'bytes') && divisor === 1 && Number.isInteger(value);
  const digits = whole ? 0 : unit === 'ratio' ? (Math.abs(scaled) >= 99.95 ? 0 : 1) : decimals(scaled);
  return suffix === '' ? scaled.toFixed(digits) : `${scaled.toFixed(digits)} ${suffix}`;
}

// A tick's label: no more digits than the step needs. All labels of an axis share `scale`.
export function formatTick(value: number, step: number, scale: Scale): string {
  const scaledStep = Math.abs(step / scale.divisor);
  const digits = scaledStep > 0 ? Math.min(6, Math.max(0, Math.ceil(-Math.log10(scaledStep) - 1e-9))) : 0;
  if (value === 0) return '0';
  const text = (value / scale.divisor).toFixed(digits);
  return scale.suffix === '' ? text : `${text} ${scale.suffix}`;
}

export function formatAge(milliseconds: number): string {
  const seconds = Math.max(0, milliseconds) / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3600)} h`;
}

export function formatUptime(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const days = Math.floor(hours / 24);
  if (days > 0) return `${days} d ${hours % 24} h`;
  if (hours > 0) return `${hours} h ${minutes % 60} min`;
  return minutes > 0 ? `${minutes} min` : `${Math.floor(seconds)} s`;
}

const two = (value: number): string => String(value).padStart(2, '0');

// Local time of day, as exact as `stepMs` needs.
export function formatTime(wallMs: number, stepMs: number): string {
  const date = new Date(wallMs);
  const text = `${two(date.getHours())}:${two(date.getMinutes())}`;
  if (stepMs >= 60_000) return text;
  const seconds = `${text}:${two(date.getSeconds())}`;
  return stepMs >= 1000 ? seconds : `${seconds}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}
