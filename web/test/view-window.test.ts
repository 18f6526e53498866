import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isPhysicalDisk, isWholeDisk } from '../src/panels';
import { total } from '../src/tiles';
import { ViewWindow } from '../src/view-window';

const bounds = { first: 0, last: 100_000 };

test('follows the data', () => {
  const view = new ViewWindow(60_000);
  assert.deepEqual(view.range(bounds), { from: 40_000, to: 100_000 });
  view.choose(Infinity);
  assert.deepEqual(view.range(bounds), { from: 0, to: 100_000 });
});

test('the time axis grows with the data', () => {
  const view = new ViewWindow(300_000);
  assert.deepEqual(view.range({ first: 0, last: 1000 }), { from: -29_000, to: 1000 });
  assert.deepEqual(view.range({ first: 0, last: 70_000 }), { from: 0, to: 70_000 });
  assert.deepEqual(view.range({ first: 0, last: 400_000 }), { from: 100_000, to: 400_000 });
});

test('stands still while paused', () => {
  const view = new ViewWindow(60_000);
  view.pause(90_000);
  assert.deepEqual(view.range(bounds), { from: 30_000, to: 90_000 });
  view.resume();
  assert.equal(view.range(bounds).to, 100_000);
});

test('zooms in and back', () => {
  const view = new ViewWindow(60_000);
  view.zoom(10_000, 20_000);
  assert.deepEqual(view.range(bounds), { from: 10_000, to: 20_000 });
  assert.ok(view.zoomed);
  view.resetZoom();
  assert.deepEqual(view.range(bounds), { from: 40_000, to: 100_000 });
});

test('never zooms to nothing', () => {
  const view = new ViewWindow(60_000);
  view.zoom(5, 5);
  const { from, to } = view.range(bounds);
  assert.ok(to > from);
  for (let i = 0; i < 100; ++i) view.scale(0.5, bounds);
  assert.ok(view.range(bounds).to > view.range(bounds).from);
});

test('moves within the data', () => {
  const view = new ViewWindow(60_000);
  view.move(-10, bounds);
  assert.deepEqual(view.range(bounds), { from: 0, to: 60_000 });
  view.move(10, bounds);
  assert.deepEqual(view.range(bounds), { from: 40_000, to: 100_000 });
});

test('zooming out ends at everything', () => {
  const view = new ViewWindow(60_000);
  view.scale(100, bounds);
  assert.deepEqual(view.range(bounds), { from: 0, to: 100_000 });
});

test('a disk is counted once', () => {
  const all = ['sda', 'sda1', 'nvme0n1', 'nvme0n1p2', 'loop0', 'dm-0', 'vdb'];
  assert.deepEqual(all.filter((one) => isWholeDisk(one, all)), ['sda', 'nvme0n1', 'dm-0', 'vdb']);
  assert.ok(!isPhysicalDisk('dm-0') && isPhysicalDisk('vdb'));
});

test('the sum of nothing is nothing', () => {
  assert.equal(total([null, null]), null);
  assert.equal(total([null, 2, 3]), 5);
});
