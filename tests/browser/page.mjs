import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endAll, firstLine, openBrowser, runTests, serve, start, stop, test } from './harness.mjs';
import { api, openPage, plotted, until } from './steps.mjs';
import './connections.mjs';
import './files.mjs';
import './views.mjs';

const ALLOCATED = 512 * 1024 * 1024;

// Allocates and touches memory when told by a line, and keeps it until its input ends.
const ALLOCATOR = `
import mmap, sys
print("ready", flush=True)
sys.stdin.readline()
block = mmap.mmap(-1, ${ALLOCATED})
for at in range(0, ${ALLOCATED}, mmap.PAGESIZE): block[at] = 1
print("allocated", flush=True)
sys.stdin.read()
`;

test('shows the machine live, without errors and without asking anyone else', async (world) => {
  const page = await openPage(world, world.server);
  const panels = await page.evaluate(() => window.isotach.panels());
  for (const id of ['cpu', 'memory', 'pressure']) assert.ok(panels.includes(id), `no panel ${id}`);
  assert.ok(panels.some((id) => id.startsWith('network ')), 'no panel for a network interface');
  const { session } = await api(world.server, '/api/series');
  assert.equal(await page.textContent('#host'), session.host);
  assert.match(await page.textContent('#machine'), /up \d/);
  const before = await page.evaluate(() => window.isotach.lastNumber());
  await until(page, (number) => window.isotach.lastNumber() > number + 3, before);
  assert.deepEqual(page.complaints, []);
  const origin = new URL(world.server.url).origin;
  for (const url of page.requested) assert.ok(url.startsWith(origin) || url.startsWith('blob:'), `asked ${url}`);
  await page.close();
});

test('the line of used memory rises while memory is really allocated', async (world) => {
  const page = await openPage(world, world.server);
  const allocator = start('python3', ['-c', ALLOCATOR]);
  assert.equal(await firstLine(allocator), 'ready');
  const read = () => {
    const { chart, keys } = window.isotach.panel('memory');
    return chart.columns[keys.indexOf('memory_used_bytes')].at(-1);
  };
  const before = await page.evaluate(read);
  const number = await page.evaluate(() => window.isotach.lastNumber());
  allocator.stdin.write('go\n');
  // Other programs may free a little meanwhile.
  await until(
    page,
    ({ from, least }) => {
      const { chart, keys } = window.isotach.panel('memory');
      const used = chart.columns[keys.indexOf('memory_used_bytes')];
      return used.at(-1) - from > least;
    },
    { from: before, least: 0.8 * ALLOCATED },
  );
  const { chart, numbers, keys } = await plotted(page, 'memory');
  const used = chart.columns[keys.indexOf('memory_used_bytes')];
  const since = numbers.findIndex((one) => one >= number);
  const moves = used.slice(since).filter((value, i, all) => i > 0 && value !== all[i - 1]).length;
  assert.ok(moves > 1, 'the plotted values did not move');
  const high = await page.evaluate(read);
  allocator.stdin.end();
  await allocator.ended;
  await until(
    page,
    ({ from, least }) => {
      const { chart: now, keys: names } = window.isotach.panel('memory');
      return from - now.columns[names.indexOf('memory_used_bytes')].at(-1) > least;
    },
    { from: high, least: 0.5 * ALLOCATED },
  );
  await page.close();
});

test('the last plotted value is exactly the one of the API, for the same sample', async (world) => {
  const page = await openPage(world, world.server);
  for (let compared = 0; compared < 5; ) {
    const latest = await api(world.server, '/api/latest');
    await until(page, (number) => window.isotach.panel('memory').numbers.includes(number), latest.number);
    const panel = await plotted(page, 'memory');
    const at = panel.numbers.lastIndexOf(latest.number);
    if (at < 0) continue;
    panel.keys.forEach((key, line) => {
      assert.ok(key in latest.values, `${key} is not in the API's answer`);
      assert.equal(panel.chart.columns[line][at], latest.values[key], `${key} of sample ${latest.number}`);
    });
    assert.equal(panel.chart.times[at], latest.wall_time_ms / 1000);
    ++compared;
  }
  const cpu = await plotted(page, 'cpu');
  const sums = cpu.chart.columns.at(-1).filter((value) => value !== null);
  assert.ok(sums.length > 0 && sums.every((share) => share >= 0 && share <= 1), 'CPU shares are not within 0 and 1');
  await page.close();
});

test('every axis contains all its points', async (world) => {
  const page = await openPage(world, world.server);
  const outside = () =>
    page.evaluate(() =>
      window.isotach.panels().flatMap((id) => {
        const { chart } = window.isotach.panel(id);
        const points = chart.columns.flat().filter((value) => value !== null);
        return points.filter((value) => value < chart.low || value > chart.high).map((value) => `${id}: ${value}`);
      }),
    );
  for (let i = 0; i < 5; ++i) {
    const number = await page.evaluate(() => window.isotach.lastNumber());
    await until(page, (seen) => Number(document.documentElement.dataset.drawn) > seen, number);
    assert.deepEqual(await outside(), []);
  }
  await page.close();
});

test('pause holds the picture, and going on resumes it', async (world) => {
  const page = await openPage(world, world.server);
  await page.keyboard.press('Space');
  assert.equal(await page.getAttribute('#pause', 'aria-pressed'), 'true');
  const before = await page.evaluate(() => ({ window: window.isotach.window(), number: window.isotach.lastNumber() }));
  await until(page, (number) => window.isotach.lastNumber() > number + 3, before.number);
  assert.deepEqual(await page.evaluate(() => window.isotach.window()), before.window);
  await page.click('#pause');
  await until(page, (to) => window.isotach.window().to > to, before.window.to);
  await page.close();
});

test('dragging zooms all plots, a double click goes back, keys choose the range', async (world) => {
  const page = await openPage(world, world.server);
  const plot = page.locator('[data-panel="memory"] .u-over');
  const box = await plot.boundingBox();
  await page.mouse.move(box.x + box.width * 0.3, box.y + 60);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.6, box.y + 60, { steps: 5 });
  await page.mouse.up();
  const zoomed = await page.evaluate(() => window.isotach.window());
  const number = await page.evaluate(() => window.isotach.lastNumber());
  await until(page, (seen) => window.isotach.lastNumber() > seen + 1, number);
  assert.deepEqual(await page.evaluate(() => window.isotach.window()), zoomed);
  assert.equal(await page.locator('#ranges [aria-pressed="true"]').count(), 0);
  await page.mouse.dblclick(box.x + box.width / 2, box.y + 60);
  await until(page, (to) => window.isotach.window().to > to, zoomed.to);
  await page.keyboard.press('1');
  assert.equal(await page.locator('#ranges [aria-pressed="true"]').textContent(), '1 min');
  assert.ok((await page.evaluate(() => window.isotach.window().to - window.isotach.window().from)) <= 60_000);
  await page.close();
});

test('the help opens by a key and closes', async (world) => {
  const page = await openPage(world, world.server);
  await page.keyboard.press('?');
  assert.ok(await page.isVisible('#help'));
  await page.click('#help button');
  assert.ok(!(await page.isVisible('#help')));
  assert.deepEqual(page.complaints, []);
  await page.close();
});

test('a recording is shown whole, and stands still', async (world) => {
  const file = join(world.folder, 'page.isotach');
  const recorder = await serve(['-i', '0.02', '--record', file]);
  let number = 0;
  while (number < 20) number = (await api(recorder, '/api/latest')).number;
  await stop(recorder);
  const server = await serve([file]);
  const page = await world.browser.context.newPage();
  await page.goto(server.url);
  await until(page, () => document.getElementById('state').dataset.state === 'recording');
  await until(page, () => (window.isotach.panel('memory')?.chart.times.length ?? 0) >= 20);
  assert.match(await page.textContent('#age'), /page\.isotach/);
  assert.ok(!(await page.isVisible('#pause')));
  await stop(server);
  await page.close();
});

test('a line can be hidden from its legend', async (world) => {
  const page = await openPage(world, world.server);
  const button = page.locator('[data-panel="memory"] .legend button', { hasText: 'available' });
  await button.click();
  assert.equal(await button.getAttribute('aria-pressed'), 'false');
  await until(page, () => {
    const { chart, keys } = window.isotach.panel('memory');
    return chart.columns[keys.indexOf('memory_available_bytes')].every((value) => value === null);
  });
  await page.close();
});

test('a panel can be downloaded as PNG, SVG, CSV and JSON', async (world) => {
  const page = await openPage(world, world.server);
  const get = async (kind) => {
    await page.click('[data-panel="memory"] .menu summary');
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.click(`[data-panel="memory"] .menu button:text-is("${kind}")`),
    ]);
    assert.match(download.suggestedFilename(), new RegExp(`^isotach-.*-memory\\.${kind.toLowerCase()}$`));
    return readFileSync(await download.path());
  };
  assert.equal((await get('PNG')).subarray(1, 4).toString(), 'PNG');
  const picture = (await get('SVG')).toString();
  assert.match(picture, /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
  assert.match(picture, />Memory<[\s\S]*>used [\d.]+ .iB</);
  const drawn = await page.evaluate((text) => {
    const { documentElement: svg } = new DOMParser().parseFromString(text, 'image/svg+xml');
    return { name: svg.nodeName, lines: [...svg.querySelectorAll('path[fill="none"]')].map((path) => path.getAttribute('d')) };
  }, picture);
  assert.equal(drawn.name, 'svg', 'the SVG is no XML');
  assert.equal(drawn.lines.length, (await plotted(page, 'memory')).keys.length);
  const rows = (await get('CSV')).toString().trim().split('\r\n');
  assert.match(rows[0], /^time,sample,used \(bytes\)/);
  assert.ok(rows.length > 2);
  const parsed = JSON.parse((await get('JSON')).toString());
  assert.equal(parsed.schema, 'isotach.web.panel.v1');
  assert.equal(parsed.series[0].values.length, parsed.number.length);
  assert.deepEqual(page.complaints, []);
  await page.close();
});

test('the server stopping is shown, and the page goes on when it is back', async (world) => {
  const server = await serve(['-i', '0.1']);
  const page = await openPage(world, server);
  const { code } = await stop(server);
  assert.equal(code, 0, 'Ctrl-C ends with 0');
  await until(page, () => ['ended', 'lost'].includes(document.getElementById('state').dataset.state));
  assert.ok(await page.isVisible('#notice'));
  const number = await page.evaluate(() => window.isotach.lastNumber());
  assert.ok(number > 0, 'the page keeps what it has');
  const again = await serve(['-i', '0.1'], server.port);
  await until(page, () => document.getElementById('state').dataset.state === 'live');
  await until(page, () => window.isotach.lastNumber() > 2);
  assert.ok(!(await page.isVisible('#notice')));
  await stop(again);
  await page.close();
});

test('a token opens the page and leaves its address', async (world) => {
  const server = await serve(['--token', 'auto', '-i', '0.1']);
  assert.match(server.url, /\?token=[0-9a-f]{32}$/);
  assert.equal((await fetch(new URL('/api/latest', server.url))).status, 401);
  const page = await openPage(world, server);
  assert.equal(new URL(page.url()).search, '');
  await page.reload();
  await until(page, () => window.isotach?.lastNumber() > 0);
  assert.deepEqual(page.complaints, []);
  await stop(server);
  await page.close();
});

test('fits a phone, and a tap reaches every control', async (world) => {
  const page = await openPage(world, world.server, { viewport: { width: 360, height: 740 }, reducedMotion: 'reduce' });
  const { wide, view } = await page.evaluate(() => ({
    wide: document.documentElement.scrollWidth,
    view: document.documentElement.clientWidth,
  }));
  assert.ok(wide <= view, `the page is ${wide} px wide on a screen of ${view}`);
  for (const id of ['cpu', 'memory']) {
    const box = await page.locator(`[data-panel="${id}"]`).boundingBox();
    assert.ok(box.x >= 0 && box.x + box.width <= 360, `panel ${id} leaves the screen`);
  }
  await page.click('#ranges button:text-is("all")');
  await page.click('#pause');
  assert.equal(await page.getAttribute('#pause', 'aria-pressed'), 'true');
  await page.close();
});

const world = { folder: mkdtempSync(join(tmpdir(), 'isotach-page-')) };
let result = { passed: 0, failed: 1 };
try {
  world.server = await serve(['-i', '0.1']);
  world.browser = await openBrowser();
  result = await runTests(world, process.argv[2]);
} catch (error) {
  console.log(`FAIL set-up\n     ${error.stack ?? error}`);
} finally {
  await world.browser?.close();
  if (world.server) await stop(world.server);
  endAll();
  rmSync(world.folder, { recursive: true, force: true });
}
console.log(`${result.passed} passed, ${result.failed} failed`);
process.exitCode = result.failed === 0 ? 0 : 1;
