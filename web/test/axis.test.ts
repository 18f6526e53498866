import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GLIDE_MS, HOLD_MS, roundedRange, ticks, ValueAxis } from '../src/axis';

// A repeatable stream of numbers in [0, 1).
function numbers(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 1664525 + 1013904223) % 2 ** 32) / 2 ** 32;
}

test('no visible point is ever outside the axis', () => {
  for (let seed = 1; seed <= 50; ++seed) {
    const next = numbers(seed);
    const axis = new ValueAxis('bytes');
    let now = 0;
    for (let i = 0; i < 400; ++i) {
      now += next() * 300;
      const magnitude = 10 ** (next() * 14 - 2);
      const a = (next() - 0.2) * magnitude;
      const b = (next() - 0.2) * magnitude;
      const visible = { low: Math.min(a, b), high: Math.max(a, b) };
      const range = axis.update(visible, now);
      assert.ok(range.low <= visible.low && range.high >= visible.high, `seed ${seed}, step ${i}`);
      assert.ok(range.high > range.low);
    }
  }
});

test('grows at once', () => {
  const axis = new ValueAxis('count');
  axis.update({ low: 0, high: 10 }, 0);
  assert.ok(axis.update({ low: 0, high: 1000 }, 1).high >= 1000);
});

test('holds before it shrinks, then glides', () => {
  const axis = new ValueAxis('count');
  const wide = axis.update({ low: 0, high: 1000 }, 0).high;
  const small = { low: 0, high: 10 };
  assert.equal(axis.update(small, 10).high, wide);
  assert.equal(axis.update(small, HOLD_MS).high, wide);
  axis.update(small, 10 + HOLD_MS);
  assert.ok(axis.moving);
  const middle = axis.update(small, 10 + HOLD_MS + GLIDE_MS / 2).high;
  assert.ok(middle < wide && middle > 20);
  const end = axis.update(small, 10 + HOLD_MS + GLIDE_MS).high;
  assert.ok(end < 20);
  assert.ok(!axis.moving);
});

test('does not follow data that only wavers', () => {
  const axis = new ValueAxis('count');
  const range = axis.update({ low: 0, high: 1000 }, 0);
  for (let now = 0; now < 60_000; now += 100)
    assert.deepEqual(axis.update({ low: 0, high: now % 200 === 0 ? 1000 : 930 }, now), range);
});

test('jumps where motion is not wanted', () => {
  const axis = new ValueAxis('count', () => false);
  axis.update({ low: 0, high: 1000 }, 0);
  axis.update({ low: 0, high: 10 }, 0);
  assert.ok(axis.update({ low: 0, high: 10 }, HOLD_MS).high < 20);
  assert.ok(!axis.moving);
});

test('ticks are round, in the unit shown, and lie on the axis', () => {
  const gib = 1024 ** 3;
  assert.deepEqual(ticks({ low: 0, high: 8 * gib }, 'bytes', 5).positions, [0, 2, 4, 6, 8].map((one) => one * gib));
  const range = roundedRange({ low: 0, high: 3.3e8 }, 'bits_per_second');
  const { positions } = ticks(range, 'bits_per_second', 5);
  assert.ok(positions.length >= 3 && positions.length <= 6);
  assert.ok(positions.every((at) => at >= range.low && at <= range.high));
});

test('an empty plot does not magnify noise', () => {
  assert.ok(roundedRange({ low: 0, high: 0 }, 'ratio').high >= 0.05);
  assert.ok(roundedRange({ low: 0, high: 0 }, 'bits_per_second').high >= 100_000);
});
