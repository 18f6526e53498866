// Panels of interfaces, of what goes over them, and of what the kernel counts about TCP and UDP.
import type { Series, UnitName } from './api';
import { byLabel, line, type Line, type Panel } from './panels';

const keyOf = (found: Map<string, Series>, name: string): string[] => {
  const one = found.get(name);
  return one === undefined ? [] : [one.key];
};

export function interfacePanels(series: readonly Series[]): Panel[] {
  const by = (metric: string): Map<string, Series> => byLabel(series, metric, 'interface');
  const received = by('network_receive_bytes');
  const sent = by('network_transmit_bytes');
  const packetsIn = by('network_receive_packets');
  const packetsOut = by('network_transmit_packets');
  const trouble = ['receive_errors', 'transmit_errors', 'receive_drops', 'transmit_drops'].map((what) =>
    by(`network_${what}`),
  );
  const lines = (rows: readonly (readonly [readonly string[], string, number])[]): Line[] =>
    rows.flatMap(([keys, title, colour]) => (keys.length > 0 ? [line([...keys], title, colour)] : []));
  return [...received.keys()].flatMap((name): Panel[] => [
    {
      id: `network ${name}`,
      title: `Network ${name}`,
      subtitle: name === 'lo' ? 'within this machine' : 'on the wire',
      unit: 'bits_per_second',
      foldsWhenIdle: true,
      views: ['overview', 'network'],
      lines: lines([
        [keyOf(received, name), 'received', 0],
        [keyOf(sent, name), 'sent', 1],
      ]),
    },
    {
      id: `packets ${name}`,
      title: `Packets ${name}`,
      subtitle: 'as the interface counts them',
      unit: 'per_second',
      foldsWhenIdle: true,
      views: ['network'],
      lines: lines([
        [keyOf(packetsIn, name), 'received', 0],
        [keyOf(packetsOut, name), 'sent', 1],
      ]),
    },
    {
      id: `trouble ${name}`,
      title: `Errors and drops ${name}`,
      subtitle: 'packets that were damaged or thrown away',
      unit: 'per_second',
      foldsWhenIdle: true,
      views: ['network'],
      lines: lines(
        ['errors in', 'errors out', 'drops in', 'drops out'].map(
          (title, i) => [keyOf(trouble[i] as Map<string, Series>, name), title, [1, 3, 4, 5][i] as number] as const,
        ),
      ),
    },
  ]);
}

export const PROTOCOL_PANELS: readonly Panel[] = [
  {
    id: 'tcp',
    title: 'TCP segments',
    subtitle: 'sent by this machine, and those sent again',
    unit: 'per_second',
    foldsWhenIdle: true,
    views: ['network'],
    lines: [line('tcp_segments_sent', 'sent', 0), line('tcp_retransmits', 'sent again', 1)],
  },
  {
    id: 'tcp loss',
    title: 'TCP loss',
    subtitle: 'what had to be sent again, and waits that ran out',
    unit: 'per_second',
    foldsWhenIdle: true,
    views: ['network'],
    lines: [
      line('tcp_retransmits', 'sent again', 1),
      line('tcp_timeouts', 'timeouts', 3),
      line('tcp_attempts_failed', 'not connected', 4, true),
    ],
  },
  {
    id: 'tcp queues',
    title: 'Full queues',
    subtitle: 'what TCP and UDP threw away because a program was too slow',
    unit: 'per_second',
    foldsWhenIdle: true,
    views: ['network'],
    lines: [
      line('tcp_listen_drops', 'connections', 1),
      line('tcp_backlog_drops', 'backlog', 3),
      line('tcp_receive_queue_drops', 'TCP receivers', 0),
      line('udp_receive_buffer_errors', 'UDP receivers', 4),
      line('softnet_dropped', 'CPU queue', 5),
    ],
  },
  {
    id: 'tcp memory',
    title: 'TCP memory',
    subtitle: 'buffers of all connections',
    unit: 'bytes',
    foldsWhenIdle: true,
    views: ['network'],
    lines: [line('tcp_memory_bytes', 'in use', 0)],
  },
  {
    id: 'conntrack',
    title: 'Tracked connections',
    subtitle: 'by the firewall',
    unit: 'count',
    foldsWhenIdle: true,
    views: ['network'],
    lines: [line('conntrack_entries', 'tracked', 0)],
  },
];

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
export function trafficPanels(series: readonly Series[]): Panel[] {
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
      views: ['network'],
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
