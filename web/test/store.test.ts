import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Series } from '../src/api';
import { csvText, jsonText } from '../src/export';
import type { Panel } from '../src/panels';
import { plotData, stack, withGaps } from '../src/plot-data';
import { Store } from '../src/store';

const series = (id: number, key: string): Series => ({
  id,
  key,
  metric: key,
  shown_unit: 'bytes',
  title: key,
  help: '',
  labels: {},
});

function filled(limit: number, count: number): Store {
  const store = new Store(limit);
  store.follow([series(0, 'a'), series(1, 'ignored'), series(2, 'b')], (one) => one.key !== 'ignored');
  for (let number = 1; number <= count; ++number)
    store.addSample({ number, wall_time_ms: number * 1000, values: [number, -1, number * 2] });
  return store;
}

const panel: Panel = {
  id: 'x',
  title: 'X',
  subtitle: '',
  unit: 'bytes',
  foldsWhenIdle: false,
  lines: [{ keys: ['a'], title: 'one, "two"', colour: 0 }],
};

test('keeps the last samples only', () => {
  const store = filled(100, 5000);
  assert.equal(store.length, 100);
  assert.equal(store.firstTime, 4_901_000);
  assert.equal(store.latest('b'), 10_000);
  assert.equal(store.latest('ignored'), null);
});

test('takes no sample twice', () => {
  const store = filled(100, 5);
  store.addSample({ number: 5, wall_time_ms: 9, values: [9] });
  assert.equal(store.length, 5);
  assert.equal(store.latest('a'), 5);
});

test('history and stream join without a seam', () => {
  const store = new Store(10);
  store.follow([series(0, 'a')], () => true);
  const wall_time_ms = [1000, 2000];
  const history = { session: '', first_number: 1, last_number: 2, more: false, wall_time_ms, events: [] };
  store.addHistory({ ...history, series: { a: [1, null] } });
  store.addSample({ number: 2, wall_time_ms: 2000, values: [7] });
  store.addSample({ number: 3, wall_time_ms: 3000, values: [3] });
  assert.deepEqual(store.column('a', 0, 3), [1, null, 3]);
});

test('a series that comes later has no past', () => {
  const store = filled(10, 2);
  store.follow([series(3, 'c')], () => true);
  store.addSample({ number: 3, wall_time_ms: 3000, values: [3, 0, 6, 9] });
  assert.deepEqual(store.column('c', 0, 3), [null, null, 9]);
});

test('a slice reaches one sample over each edge', () => {
  const store = filled(100, 10);
  assert.deepEqual(store.slice(3500, 6500), { first: 2, end: 7 });
  assert.deepEqual(store.slice(0, 1e9), { first: 0, end: 10 });
});

test('a stack adds up, and leaves out what is hidden or missing', () => {
  const columns = [[1, 1], [2, null], [3, 3]];
  assert.deepEqual(stack(columns, () => false), [[1, 1], [3, null], [6, 4]]);
  assert.deepEqual(stack(columns, (line) => line === 1), [[1, 1], [null, null], [4, 4]]);
});

test('shares are of the whole, and missing where a part of it is', () => {
  const shares = { ...panel, shareOf: ['a', 'b'] };
  const options = { longestStepMs: 1e9, hidden: () => false };
  const data = plotData(filled(10, 2), shares, { from: 0, to: 1e9 }, options);
  assert.deepEqual(data.values, [[1 / 3, 2 / 6]]);
  const unknown = plotData(filled(10, 2), { ...panel, shareOf: ['a', 'none'] }, { from: 0, to: 1e9 }, options);
  assert.deepEqual(unknown.values, [[null, null]]);
});

test('a time without samples breaks the line', () => {
  const data = { times: [1, 2, 9], numbers: [1, 2, 9], values: [[5, 6, 7]], drawn: [[5, 6, 7]] };
  const broken = withGaps(data, 3000);
  assert.deepEqual(broken.times, [1, 2, 5.5, 9]);
  assert.deepEqual(broken.drawn, [[5, 6, null, 7]]);
  assert.deepEqual(broken.numbers, [1, 2, 0, 9]);
});


test('downloads hold the visible samples, exactly', () => {
  const data = plotData(filled(10, 3), panel, { from: 0, to: 1e9 }, { longestStepMs: 1e9, hidden: () => false });
  assert.equal(
    csvText(panel, data),
    'time,sample,"one, ""two"" (bytes)"\r\n1970-01-01T00:00:01.000Z,1,1\r\n' +
      '1970-01-01T00:00:02.000Z,2,2\r\n1970-01-01T00:00:03.000Z,3,3\r\n',
  );
  const parsed = JSON.parse(jsonText(panel, data)) as { series: { values: number[] }[]; wall_time_ms: number[] };
  assert.deepEqual(parsed.series[0]?.values, [1, 2, 3]);
  assert.deepEqual(parsed.wall_time_ms, [1000, 2000, 3000]);
});
