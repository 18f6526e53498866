// Panels of CPUs, memory and disks.
import type { Series } from './api';
import { byLabel, CPU_STATES, isWholeDisk, line, type Panel } from './panels';

export const CPU_PANELS: readonly Panel[] = [
  {
    id: 'cpu',
    title: 'CPU',
    subtitle: 'share of all CPUs, stacked',
    unit: 'ratio',
    stacked: true,
    shareOf: CPU_STATES,
    foldsWhenIdle: false,
    views: ['overview'],
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
    views: ['overview', 'memory'],
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
    views: ['overview'],
    lines: [
      line('pressure_cpu_some_seconds', 'cpu', 0),
      line('pressure_memory_some_seconds', 'memory', 1),
      line('pressure_memory_full_seconds', 'memory, all', 1, true),
      line('pressure_io_some_seconds', 'io', 4),
      line('pressure_io_full_seconds', 'io, all', 4, true),
    ],
  },
  {
    id: 'tasks',
    title: 'Tasks',
    subtitle: 'that run or want to, and that wait for a disk',
    unit: 'count',
    foldsWhenIdle: false,
    views: ['overview'],
    lines: [
      line('processes_running', 'running', 0),
      line('processes_blocked', 'blocked', 1),
      line('load_average_1m', 'load, 1 min', 2),
      line('load_average_15m', 'load, 15 min', 5, true),
    ],
  },
];

export const MEMORY_PANELS: readonly Panel[] = [
  {
    id: 'memory use',
    title: 'What uses it',
    subtitle: 'kinds of memory, stacked',
    unit: 'bytes',
    stacked: true,
    foldsWhenIdle: false,
    views: ['memory'],
    lines: [
      line('memory_anonymous_bytes', 'programs', 0),
      line('memory_shared_bytes', 'shared', 3),
      line('memory_slab_bytes', 'kernel', 4),
      line(['memory_page_tables_bytes', 'memory_kernel_stack_bytes'], 'page tables', 2),
    ],
  },
  {
    id: 'memory pressure',
    title: 'Memory pressure',
    subtitle: 'share of time that some, or all, tasks waited for memory',
    unit: 'ratio',
    foldsWhenIdle: false,
    views: ['memory'],
    lines: [
      line('pressure_memory_some_seconds', 'some', 1),
      line('pressure_memory_full_seconds', 'all', 3, true),
    ],
  },
  {
    id: 'faults',
    title: 'Page faults',
    subtitle: 'all, and those that waited for a disk',
    unit: 'per_second',
    foldsWhenIdle: false,
    views: ['memory'],
    lines: [line('page_faults', 'all', 0), line('page_faults_major', 'from disk', 1)],
  },
  {
    id: 'swap',
    title: 'Swap',
    subtitle: 'space in use',
    unit: 'bytes',
    foldsWhenIdle: true,
    views: ['overview', 'memory'],
    lines: [line('swap_used_bytes', 'used', 1), line('swap_cached_bytes', 'also in memory', 0, true)],
  },
  {
    id: 'swapping',
    title: 'Swapping',
    subtitle: 'between memory and swap',
    unit: 'bytes_per_second',
    foldsWhenIdle: true,
    views: ['overview', 'memory'],
    lines: [line('swap_in_bytes', 'in', 0), line('swap_out_bytes', 'out', 1)],
  },
  {
    id: 'reclaim',
    title: 'Reclaim',
    subtitle: 'pages looked at and taken back, by the kernel and by programs that need some',
    unit: 'per_second',
    foldsWhenIdle: true,
    views: ['memory'],
    lines: [
      line('pages_stolen_kswapd', 'by the kernel', 0),
      line('pages_stolen_direct', 'by programs', 1),
      line('pages_scanned_kswapd', 'looked at', 0, true),
      line('pages_scanned_direct', 'by programs', 1, true),
    ],
  },
  {
    id: 'writeback',
    title: 'To be written',
    subtitle: 'changed file pages, and those on their way to the disk',
    unit: 'bytes',
    foldsWhenIdle: true,
    views: ['memory'],
    lines: [line('memory_dirty_bytes', 'changed', 4), line('memory_writeback_bytes', 'being written', 1)],
  },
  {
    id: 'commit',
    title: 'Promised memory',
    subtitle: 'what programs asked for, and the limit of strict accounting',
    unit: 'bytes',
    foldsWhenIdle: false,
    views: ['memory'],
    lines: [line('memory_committed_bytes', 'promised', 3), line('memory_commit_limit_bytes', 'limit', 5, true)],
  },
  {
    id: 'ksm',
    title: 'Page merging (KSM)',
    subtitle: 'pages',
    unit: 'count',
    foldsWhenIdle: true,
    views: ['memory'],
    lines: [
      line('ksm_pages_sharing', 'saved', 2),
      line('ksm_pages_shared', 'shared', 0),
      line('ksm_pages_unshared', 'unique', 4, true),
      line('ksm_pages_volatile', 'volatile', 1, true),
    ],
  },
  {
    id: 'ksm profit',
    title: 'What merging gains',
    subtitle: 'memory saved, less what KSM needs for it',
    unit: 'bytes',
    foldsWhenIdle: true,
    views: ['memory'],
    lines: [line('ksm_general_profit_bytes', 'gain', 2)],
  },
  {
    id: 'oom',
    title: 'Programs killed',
    subtitle: 'because memory ran out',
    unit: 'per_second',
    foldsWhenIdle: true,
    views: ['memory'],
    lines: [line('oom_kills', 'killed', 1)],
  },
];

export function diskPanels(series: readonly Series[]): Panel[] {
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
      views: ['overview'],
      lines: [
        line((reads.get(device) as Series).key, 'read', 0),
        ...(writes.has(device) ? [line((writes.get(device) as Series).key, 'written', 1)] : []),
      ],
    }));
}
