import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Series } from '../src/api';
import { panelsFor } from '../src/all-panels';
import { isWanted } from '../src/panels';

let nextId = 0;
const series = (metric: string, labels: Record<string, string> = {}): Series => {
  const label = Object.entries(labels).map(([name, value]) => `${name}="${value}"`);
  return {
    id: nextId++,
    key: label.length > 0 ? `${metric}{${label.join(',')}}` : metric,
    metric,
    shown_unit: 'bits_per_second',
    title: metric,
    help: '',
    labels,
  };
};

test('traffic has panels only where it is counted', () => {
  const machine = [series('memory_used_bytes'), series('network_receive_bytes', { interface: 'eth0' })];
  assert.ok(panelsFor(machine).every((panel) => !panel.id.startsWith('traffic')));
  const counted = ['IPv4', 'TCP', 'UDP', 'ICMP', 'ICMPv6', 'ARP', 'not IP'].map((protocol) =>
    series('traffic_protocol_in_bytes', { protocol }),
  );
  assert.ok(counted.every(isWanted));
  const panels = panelsFor([...machine, ...counted]);
  const received = panels.find((panel) => panel.id === 'traffic in');
  // IPv4 is the sum of others and would count them twice.
  assert.deepEqual(
    received?.lines.map((line) => line.title),
    ['TCP', 'UDP', 'ICMP', 'not IP'],
  );
  assert.deepEqual(received?.lines[2]?.keys, [
    'traffic_protocol_in_bytes{protocol="ICMP"}',
    'traffic_protocol_in_bytes{protocol="ICMPv6"}',
  ]);
  assert.ok(!panels.some((panel) => panel.id === 'traffic out'));
});
