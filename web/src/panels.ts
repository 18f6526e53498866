// Which panels there are and what each draws. Panels for interfaces and disks follow from the series
// that the machine has.
import type { Series, UnitName } from './api';

export interface Line {
  keys: string[]; // their sum is drawn
  title: string;
  colour: number; // index into the palette
  dashed?: boolean;
  help?: string;
}

export interface Panel {
  id: string;
  title: string;
  subtitle: string;
  unit: UnitName;
  lines: Line[];
  stacked?: boolean;
  // Values are shown as shares of the sum of these series.
  shareOf?: readonly string[];
  // Goes under "idle" while all its lines are zero.
  foldsWhenIdle: boolean;
}

// What the page needs of the server's series; the rest is for scripts.
export const WANTED = [
  'cpu_user_seconds',
  'cpu_nice_seconds',
  'cpu_system_seconds',
  'cpu_irq_seconds',
  'cpu_softirq_seconds',
  'cpu_iowait_seconds',
  'cpu_steal_seconds',
  'cpu_idle_seconds',
  'memory_total_bytes',
  'memory_used_bytes',
  'memory_free_bytes',
  'memory_available_bytes',
  'memory_buffers_bytes',
  'memory_cache_bytes',
  'swap_total_bytes',
  'swap_used_bytes',
  'swap_cached_bytes',
  'swap_in_bytes',
  'swap_out_bytes',
  'pressure_*_seconds',
  'network_receive_bytes',
  'network_transmit_bytes',
  'traffic_protocol_in_bytes',
  'traffic_protocol_out_bytes',
  'traffic_size_in_packets',
  'traffic_size_out_packets',
  'disk_read_bytes',
  'disk_write_bytes',
  'ksm_pages_*',
  'ksm_zero_pages',
  'uptime_seconds',
  'load_average_*',
  'processes_running',
  'processes_blocked',
  'context_switches',
  'forks',
] as const;

const patterns = WANTED.map((text) => new RegExp(`^${text.replaceAll('*', '.*')}$`));

export const isWanted = (series: Series): boolean => patterns.some((pattern) => pattern.test(series.metric));

export function cpuCount(series: readonly Series[]): number {
  return Math.max(1, series.filter((one) => one.metric === 'cpu_each_user_seconds').length);
}

// Ramdisks and loop devices say nothing about a disk; partitions would count their disk twice.
export function isWholeDisk(device: string, all: readonly string[]): boolean {
  if (/^(loop|ram|fd|sr|zram)\d/.test(device)) return false;
  return !all.some(
    (disk) => disk !== device && device.startsWith(disk) && /^p?\d+$/.test(device.slice(disk.length)),
  );
}

// Below a mapped device or an array stand disks that are counted themselves.
export const isPhysicalDisk = (device: string): boolean => !/^(dm-|md)\d/.test(device);

const line = (keys: string | string[], title: string, colour: number, dashed = false): Line => ({
  keys: typeof keys === 'string' ? [keys] : keys,
  title,
  colour,
  dashed,
});

// All that a CPU can do; guest time is part of user time.
export const CPU_STATES = ['user', 'nice', 'system', 'irq', 'softirq', 'iowait', 'steal', 'idle'].map(
  (state) => `cpu_${state}_seconds`,
);

const FIXED: readonly Panel[] = [
  {
    id: 'cpu',
    title: 'CPU',
    subtitle: 'share of all CPUs, stacked',
    unit: 'ratio',
    stacked: true,
    shareOf: CPU_STATES,
    foldsWhenIdle: false,
    lines: [
      line('cpu_user_seconds', 'user', 0),
      line('cpu_nice_seconds', 'nice', 5),
      line('cpu_system_seconds', 'system', 1),
      line(['cpu_irq_seconds', 'cpu_softirq_seconds'], 'interrupts', 3),
      line('cpu_iowait_seconds', 'iowait', 4),
      line('cpu_steal_seconds', 'steal', 2),
    ],
  },
  {
    id: 'memory',
    title: 'Memory',
    subtitle: 'where it is',
    unit: 'bytes',
    foldsWhenIdle: false,
    lines: [
      line('memory_used_bytes', 'used', 1),
      line('memory_available_bytes', 'available', 0),
      line('memory_free_bytes', 'free', 2),
      line('memory_cache_bytes', 'cache', 4, true),
      line('memory_buffers_bytes', 'buffers', 3, true),
    ],
  },
  {
    id: 'pressure',
    title: 'Pressure',
    subtitle: 'share of time that some, or all, tasks waited',
    unit: 'ratio',
    foldsWhenIdle: false,
    lines: [
      line('pressure_cpu_some_seconds', 'cpu', 0),
      line('pressure_memory_some_seconds', 'memory', 1),
      line('pressure_memory_full_seconds', 'memory, all', 1, true),
      line('pressure_io_some_seconds', 'io', 4),
      line('pressure_io_full_seconds', 'io, all', 4, true),
    ],
  },
  {
    id: 'swap',
    title: 'Swap',
    subtitle: 'space in use',
    unit: 'bytes',
    foldsWhenIdle: true,
    lines: [line('swap_used_bytes', 'used', 1), line('swap_cached_bytes', 'also in memory', 0, true)],
  },
  {
    id: 'swapping',
    title: 'Swapping',
    subtitle: 'between memory and swap',
    unit: 'bytes_per_second',
    foldsWhenIdle: true,
    lines: [line('swap_in_bytes', 'in', 0), line('swap_out_bytes', 'out', 1)],
  },
  {
    id: 'ksm',
    title: 'Page merging (KSM)',
    subtitle: 'pages',
    unit: 'count',
    foldsWhenIdle: true,
    lines: [
      line('ksm_pages_sharing', 'saved', 2),
      line('ksm_pages_shared', 'shared', 0),
      line('ksm_pages_unshared', 'unique', 4, true),
      line('ksm_pages_volatile', 'volatile', 1, true),
    ],
  },
];

const byLabel = (series: readonly Series[], metric: string, label: string): Map<string, Series> =>
  new Map(series.filter((one) => one.metric === metric).map((one) => [one.labels[label] ?? '', one]));

function networkPanels(series: readonly Series[]): Panel[] {
  const sent = byLabel(series, 'network_transmit_bytes', 'interface');
  return [...byLabel(series, 'network_receive_bytes', 'interface')].map(([name, received]) => ({
    id: `network ${name}`,
    title: `Network ${name}`,
    subtitle: name === 'lo' ? 'within this machine' : 'on the wire',
    unit: 'bits_per_second',
    foldsWhenIdle: true,
    lines: [
      line(received.key, 'received', 0),
      ...(sent.has(name) ? [line((sent.get(name) as Series).key, 'sent', 1)] : []),
    ],
  }));
}

// What a packet can be, each time one of them, so that their sum is all.
const PROTOCOLS = [
  ['TCP', ['TCP']],
  ['UDP', ['UDP']],
  ['ICMP', ['ICMP', 'ICMPv6']],
  ['other IP', ['other IP']],
  ['not IP', ['ARP', 'not IP']],
] as const;
const SIZES = [
  ['0-127', ['0-63', '64-127']],
  ['128-255', ['128-255']],
  ['256-511', ['256-511']],
  ['512-1023', ['512-1023']],
  ['1024-1518', ['1024-1518']],
  ['larger', ['1519-4095', '4096-9215', '9216 and more']],
] as const;

// Only where packets are counted: `isotach web --traffic`, and recordings of `isotach traffic`.
function trafficPanels(series: readonly Series[]): Panel[] {
  const panel = (
    id: string,
    title: string,
    subtitle: string,
    unit: UnitName,
    rows: readonly (readonly [string, readonly string[]])[],
    label: string,
    metrics: readonly string[],
  ): Panel => {
    const found = metrics.map((metric) => byLabel(series, metric, label));
    const keysOf = (names: readonly string[]): string[] =>
      found.flatMap((one) => names.flatMap((name) => (one.has(name) ? [(one.get(name) as Series).key] : [])));
    return {
      id,
      title,
      subtitle,
      unit,
      stacked: true,
      foldsWhenIdle: true,
      lines: rows.flatMap(([name, names], index) => {
        const keys = keysOf(names);
        return keys.length > 0 ? [line(keys, name, index)] : [];
      }),
    };
  };
  return [
    panel('traffic in', 'Traffic received', 'by protocol, stacked', 'bits_per_second', PROTOCOLS, 'protocol', [
      'traffic_protocol_in_bytes',
    ]),
    panel('traffic out', 'Traffic sent', 'by protocol, stacked', 'bits_per_second', PROTOCOLS, 'protocol', [
      'traffic_protocol_out_bytes',
    ]),
    panel('traffic sizes', 'Packets by size', 'bytes on the wire, both directions, stacked', 'per_second', SIZES, 'size', [
      'traffic_size_in_packets',
      'traffic_size_out_packets',
    ]),
  ];
}

function diskPanels(series: readonly Series[]): Panel[] {
  const reads = byLabel(series, 'disk_read_bytes', 'device');
  const writes = byLabel(series, 'disk_write_bytes', 'device');
  const devices = [...reads.keys()];
  return devices
    .filter((device) => isWholeDisk(device, devices))
    .map((device) => ({
      id: `disk ${device}`,
      title: `Disk ${device}`,
      subtitle: 'throughput',
      unit: 'bytes_per_second',
      foldsWhenIdle: true,
      lines: [
        line((reads.get(device) as Series).key, 'read', 0),
        ...(writes.has(device) ? [line((writes.get(device) as Series).key, 'written', 1)] : []),
      ],
    }));
}

// In the order they are shown. Lines that this machine lacks are left out, and so are panels without lines.
export function panelsFor(series: readonly Series[]): Panel[] {
  const keys = new Map(series.map((one) => [one.key, one]));
  const fixed = FIXED.map((panel) => ({
    ...panel,
    lines: panel.lines
      .filter((one) => one.keys.every((key) => keys.has(key)))
      .map((one) => ({ ...one, help: one.keys.map((key) => keys.get(key)?.help ?? '').join('; ') })),
  }));
  const split = fixed.findIndex((panel) => panel.id === 'swap');
  const devices = [...networkPanels(series), ...trafficPanels(series), ...diskPanels(series)];
  return [...fixed.slice(0, split), ...devices, ...fixed.slice(split)].filter((panel) => panel.lines.length > 0);
}
