import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatAge, formatQuantity, formatTick, formatUptime, scaleFor } from '../src/units';

test('quantities have three digits and their unit written out', () => {
  assert.equal(formatQuantity(1.5 * 1024 ** 3, 'bytes'), '1.50 GiB');
  assert.equal(formatQuantity(94_100_000, 'bits_per_second'), '94.1 Mbit/s');
  assert.equal(formatQuantity(0, 'bits_per_second'), '0 bit/s');
  assert.equal(formatQuantity(0.125, 'ratio'), '12.5 %');
  assert.equal(formatQuantity(1, 'ratio'), '100 %');
  assert.equal(formatQuantity(512, 'bytes'), '512 B');
  assert.equal(formatQuantity(2048, 'bytes_per_second'), '2.00 KiB/s');
  assert.equal(formatQuantity(12, 'count'), '12');
  assert.equal(formatQuantity(1_234_567, 'count'), '1.23 M');
});

test('what is missing is not shown as zero', () => {
  for (const missing of [null, undefined, NaN, Infinity]) assert.equal(formatQuantity(missing, 'bytes'), '–');
});

test('bits are SI and bytes IEC', () => {
  assert.deepEqual(scaleFor(1000, 'bits_per_second'), { divisor: 1000, suffix: 'kbit/s' });
  assert.deepEqual(scaleFor(1000, 'bytes'), { divisor: 1, suffix: 'B' });
  assert.deepEqual(scaleFor(1024, 'bytes'), { divisor: 1024, suffix: 'KiB' });
});

test('ticks show as many digits as their step needs', () => {
  const scale = scaleFor(2 * 1024 ** 3, 'bytes');
  assert.equal(formatTick(1024 ** 3, 0.5 * 1024 ** 3, scale), '1.0 GiB');
  assert.equal(formatTick(1024 ** 3, 1024 ** 3, scale), '1 GiB');
  assert.equal(formatTick(0.2, 0.2, scaleFor(1, 'ratio')), '20 %');
  assert.equal(formatTick(0.025, 0.005, scaleFor(1, 'ratio')), '2.5 %');
});

test('times for people', () => {
  assert.equal(formatAge(340), '0.3 s');
  assert.equal(formatAge(45_000), '45 s');
  assert.equal(formatUptime(59), '59 s');
  assert.equal(formatUptime(3 * 86400 + 3600), '3 d 1 h');
});
