import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Panel } from '../src/panels';
import { svgText, type SvgScene } from '../src/plot-svg';

const panel: Panel = {
  id: 'memory',
  title: 'Memory <&>',
  subtitle: 'where',
  unit: 'bytes',
  foldsWhenIdle: false,
  views: ['memory'],
  lines: [
    { keys: ['used'], title: 'used', colour: 0 },
    { keys: ['free'], title: 'free', colour: 1, dashed: true },
  ],
};
const colours = ['#000001', '#000002', '#000003', '#000004', '#000005', '#000006'];
const scene = (rest: Partial<SvgScene> = {}): SvgScene => ({
  panel,
  data: {
    times: [0, 5, 6, 7, 10],
    numbers: [1, 2, 0, 3, 4],
    values: [[0, 50, null, 50, 100], [100, 50, null, 50, 0]],
    drawn: [[0, 50, null, 50, 100], [100, 50, null, 50, 0]],
  },
  hidden: () => false,
  window: { from: 0, to: 10_000 },
  range: { low: 0, high: 100 },
  marks: [],
  theme: { lines: colours, fills: colours, areas: colours, text: 't', quiet: 'q', grid: 'g', surface: 's', mark: 'm' },
  width: 500,
  height: 100,
  ...rest,
});

test('lines go from edge to edge, and break where nothing was measured', () => {
  const text = svgText(scene());
  const paths = [...text.matchAll(/<path d="([^"]*)" fill="none" stroke="#000001"/g)].map((found) => found[1]);
  // 84 to 484 wide, from 144 up to 44.
  assert.deepEqual(paths, ['M84 144L284 94', 'M364 94L484 44']);
  assert.match(text, /fill="none" stroke="#000002" stroke-width="1.75" stroke-dasharray="6 4"/);
});

test('hidden lines are left out, names are escaped, marks stand at their time', () => {
  const marks = [
    { wall_time_ms: 5000, kind: 'mark', text: '<deploy>\u0001' },
    { wall_time_ms: 11_000, kind: 'mark', text: 'later' },
  ];
  const text = svgText(scene({ hidden: (line) => line === 1, marks }));
  assert.ok(!text.includes('#000002'));
  assert.ok(!text.includes('>free'));
  assert.match(text, /<title>Memory &#60;&#38;&#62;<\/title>/);
  assert.match(text, /<line x1="284" y1="44" x2="284" y2="144" stroke="m"/);
  assert.match(text, />&#60;deploy&#62;�</);
  assert.ok(!text.includes('later'));
});

test('a stack is drawn from its top down', () => {
  const text = svgText(scene({ panel: { ...panel, stacked: true } }));
  assert.ok(text.indexOf('stroke="#000002" stroke-width="1.75"') < text.indexOf('stroke="#000001" stroke-width="1.75"'));
});
