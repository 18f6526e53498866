// The row of numbers that answers "how is it?" before any plot is read.
import type { Series } from './api';
import { element, setText } from './dom';
import { CPU_STATES, isPhysicalDisk, isWholeDisk } from './panels';
import type { Store } from './store';
import { formatQuantity } from './units';

interface Reading {
  value: string;
  detail: string[];
  share: number | null; // how full the meter is; none for what has no limit
}

const keysOf = (series: readonly Series[], metric: string, label: string, fits: (name: string) => boolean): string[] =>
  series.filter((one) => one.metric === metric && fits(one.labels[label] ?? '')).map((one) => one.key);

// The sum of what is known; null when nothing is.
export function total(values: readonly (number | null)[]): number | null {
  const known = values.filter((value): value is number => value !== null);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0);
}

const part = (value: number | null, whole: number | null): number | null =>
  value === null || whole === null || whole <= 0 ? null : Math.min(1, Math.max(0, value / whole));

function readings(series: readonly Series[], cpus: number): Record<string, (store: Store) => Reading> {
  const onWire = (name: string): boolean => name !== 'lo';
  const received = keysOf(series, 'network_receive_bytes', 'interface', onWire);
  const sent = keysOf(series, 'network_transmit_bytes', 'interface', onWire);
  const devices = series.filter((one) => one.metric === 'disk_read_bytes').map((one) => one.labels['device'] ?? '');
  const isDisk = (name: string): boolean => isWholeDisk(name, devices) && isPhysicalDisk(name);
  const read = keysOf(series, 'disk_read_bytes', 'device', isDisk);
  const written = keysOf(series, 'disk_write_bytes', 'device', isDisk);
  const sum = (store: Store, keys: string[]): number | null => total(keys.map((key) => store.latest(key)));

  return {
    CPU: (store) => {
      const times = CPU_STATES.map((key) => store.latest(key));
      const whole = total(times);
      const idle = total([store.latest('cpu_idle_seconds'), store.latest('cpu_iowait_seconds')]);
      const share = whole === null || idle === null || whole <= 0 ? null : 1 - idle / whole;
      return {
        value: formatQuantity(share, 'ratio'),
        detail: [`load ${formatQuantity(store.latest('load_average_1m'), 'count')}`, `on ${cpus} CPU${cpus > 1 ? 's' : ''}`],
        share,
      };
    },
    Memory: (store) => {
      const whole = store.latest('memory_total_bytes');
      const used = store.latest('memory_used_bytes');
      return {
        value: formatQuantity(used, 'bytes'),
        detail: [`used of ${formatQuantity(whole, 'bytes')}`],
        share: part(used, whole),
      };
    },
    Swap: (store) => {
      const whole = store.latest('swap_total_bytes');
      const used = store.latest('swap_used_bytes');
      if (whole === 0) return { value: 'none', detail: ['no swap is on'], share: null };
      return {
        value: formatQuantity(used, 'bytes'),
        detail: [`used of ${formatQuantity(whole, 'bytes')}`],
        share: part(used, whole),
      };
    },
    Pressure: (store) => {
      const kinds = ['cpu', 'memory', 'io'] as const;
      const shares = kinds.map((kind) => ({ kind, share: store.latest(`pressure_${kind}_some_seconds`) }));
      const known = shares.filter((one): one is { kind: (typeof kinds)[number]; share: number } => one.share !== null);
      const worst = known.sort((a, b) => b.share - a.share)[0];
      return {
        value: formatQuantity(worst?.share, 'ratio'),
        detail: [worst === undefined ? 'not told by this kernel' : `tasks waited for ${worst.kind}`],
        share: worst?.share ?? null,
      };
    },
    Network: (store) => ({
      value: formatQuantity(total([sum(store, received), sum(store, sent)]), 'bits_per_second'),
      detail: [
        `in ${formatQuantity(sum(store, received), 'bits_per_second')}`,
        `out ${formatQuantity(sum(store, sent), 'bits_per_second')}`,
      ],
      share: null,
    }),
    Disk: (store) => ({
      value: formatQuantity(total([sum(store, read), sum(store, written)]), 'bytes_per_second'),
      detail: [
        `read ${formatQuantity(sum(store, read), 'bytes_per_second')}`,
        `written ${formatQuantity(sum(store, written), 'bytes_per_second')}`,
      ],
      share: null,
    }),
  };
}

export class Tiles {
  private readonly tiles: { update(store: Store): void }[];

  constructor(host: HTMLElement, series: readonly Series[], cpus: number) {
    host.replaceChildren();
    this.tiles = Object.entries(readings(series, cpus)).map(([name, read]) => {
      const value = element('p', { class: 'figure number' }, '–');
      const detail = element('p', { class: 'quiet number' });
      const meter = element('meter', { min: '0', max: '1', 'aria-label': `${name}, share in use` });
      host.append(element('div', { class: 'tile', 'data-tile': name }, element('h2', {}, name), value, detail, meter));
      return {
        update: (store: Store) => {
          const reading = read(store);
          setText(value, reading.value);
          const spans = reading.detail.map((_, i) => detail.children[i] ?? detail.appendChild(element('span')));
          spans.forEach((span, i) => setText(span, reading.detail[i] ?? ''));
          meter.classList.toggle('absent', reading.share === null);
          meter.value = reading.share ?? 0;
        },
      };
    });
  }

  update(store: Store): void {
    for (const tile of this.tiles) tile.update(store);
  }
}
