// What a panel is, and what the page needs of the server's series for all of them.
import type { Series, UnitName } from './api';
import type { ViewId } from './views';

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
  views: readonly ViewId[]; // where it is shown
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
  'memory_anonymous_bytes',
  'memory_shared_bytes',
  'memory_slab_bytes',
  'memory_kernel_stack_bytes',
  'memory_page_tables_bytes',
  'memory_dirty_bytes',
  'memory_writeback_bytes',
  'memory_committed_bytes',
  'memory_commit_limit_bytes',
  'swap_*_bytes',
  'page_faults*',
  'pages_scanned_*',
  'pages_stolen_*',
  'oom_kills',
  'pressure_*_seconds',
  'network_receive_bytes',
  'network_receive_packets',
  'network_receive_errors',
  'network_receive_drops',
  'network_transmit_bytes',
  'network_transmit_packets',
  'network_transmit_errors',
  'network_transmit_drops',
  'traffic_protocol_in_bytes',
  'traffic_protocol_out_bytes',
  'traffic_size_in_packets',
  'traffic_size_out_packets',
  'tcp_*',
  'udp_receive_buffer_errors',
  'softnet_dropped',
  'conntrack_entries',
  'disk_read_bytes',
  'disk_write_bytes',
  'ksm_pages_*',
  'ksm_zero_pages',
  'ksm_general_profit_bytes',
  'uptime_seconds',
  'load_average_*',
  'processes_running',
  'processes_blocked',
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

export const line = (keys: string | string[], title: string, colour: number, dashed = false): Line => ({
  keys: typeof keys === 'string' ? [keys] : keys,
  title,
  colour,
  dashed,
});

// All that a CPU can do; guest time is part of user time.
export const CPU_STATES = ['user', 'nice', 'system', 'irq', 'softirq', 'iowait', 'steal', 'idle'].map(
  (state) => `cpu_${state}_seconds`,
);

export const byLabel = (series: readonly Series[], metric: string, label: string): Map<string, Series> =>
  new Map(series.filter((one) => one.metric === metric).map((one) => [one.labels[label] ?? '', one]));
