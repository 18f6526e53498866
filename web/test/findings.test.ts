import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Connection, Finding } from '../src/api';
import { chosen } from '../src/connections-view';
import { verdictText } from '../src/severity';
import { sparkPath } from '../src/sparks';

const connection = (process: string, rate: number | null, rest: Partial<Connection> = {}): Connection => ({
  local: '10.0.0.1:443',
  remote: '10.0.0.2:50000',
  process,
  direction: 'sends',
  rate_bits_per_second: rate,
  rtt_ms: null,
  retransmitted_segments: null,
  cause: '',
  cause_name: '',
  network: false,
  share: null,
  finding: '',
  severity: '',
  evidence: '',
  ...rest,
});

const three = [
  connection('curl/12', 1e6, { severity: 'warning', rtt_ms: 3 }),
  connection('nginx/7', 5e6, { remote: '[2001:db8::1]:443' }),
  connection('curl/100', null, { severity: 'critical', rtt_ms: 20 }),
];
const names = (found: Connection[]): string[] => found.map(({ process }) => process);

test('connections are ordered by any column, the fastest first where it says nothing', () => {
  assert.deepEqual(names(chosen(three, '', { by: 'rate', down: true })), ['nginx/7', 'curl/12', 'curl/100']);
  assert.deepEqual(names(chosen(three, '', { by: 'rtt', down: true })), ['curl/100', 'curl/12', 'nginx/7']);
  assert.deepEqual(names(chosen(three, '', { by: 'cause', down: true })), ['curl/100', 'curl/12', 'nginx/7']);
  assert.deepEqual(names(chosen(three, '', { by: 'process', down: false })), ['curl/12', 'curl/100', 'nginx/7']);
  assert.deepEqual(names(chosen(three, '', { by: 'local', down: false })), ['nginx/7', 'curl/12', 'curl/100']);
  assert.equal(three[0]?.process, 'curl/12', 'what was given stays as it is');
});

test('connections are found by program and address', () => {
  assert.deepEqual(names(chosen(three, 'CURL', { by: 'rate', down: true })), ['curl/12', 'curl/100']);
  assert.deepEqual(names(chosen(three, ' curl  100', { by: 'rate', down: true })), ['curl/100']);
  assert.deepEqual(names(chosen(three, 'db8::1', { by: 'rate', down: true })), ['nginx/7']);
  assert.deepEqual(chosen(three, 'sshd', { by: 'rate', down: true }), []);
});

test('the verdict counts what is grave', () => {
  const of = (...severities: Finding['severity'][]): Finding[] =>
    severities.map((severity) => ({
      id: severity, severity, subject: '', title: '', evidence: '', remedy: '', area: '', meaning: '', how: '',
    }));
  assert.equal(verdictText([]), 'Nothing wrong found');
  assert.equal(verdictText(of('info')), 'Nothing wrong, 1 remark');
  assert.equal(verdictText(of('warning', 'info', 'critical', 'warning')), '1 critical, 2 warnings');
});

test('a small picture needs two values, and fills from zero to the right', () => {
  assert.equal(sparkPath([]), '');
  assert.equal(sparkPath([1]), '');
  assert.equal(sparkPath([0, null, 4]), 'M56.9 16L56.9 16.0L58.5 16.0L60.0 1.0L60 16Z');
});
