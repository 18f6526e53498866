// Recordings and reports of a folder: they are listed, opened in the page, and do no harm.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { start, serve, stop, test } from './harness.mjs';
import { api, openPage, until } from './steps.mjs';

// What must not run, and must not be loaded.
const HOSTILE = `<!DOCTYPE html><html><head><title>Report &amp; more</title>
<script>document.title = 'ran'; parent.document.title = 'ran';</script></head>
<body><h1 id="head">What sort does</h1><img src="/healthz?from-report" onerror="document.title='ran'"></body></html>`;

// A second of this machine with a mark in the middle.
async function record(file) {
  const recorder = start(process.env.ISOTACH, ['record', '-i', '20ms', '-n', '60', file]);
  recorder.stdin.write('deploy of <b>version 2</b>\n');
  const { code } = await recorder.ended;
  assert.equal(code, 0);
}

async function folderOf(world) {
  if (world.shelf === undefined) {
    world.shelf = join(world.folder, 'shelf');
    mkdirSync(world.shelf);
    await record(join(world.shelf, 'monday & more.isotach'));
    writeFileSync(join(world.shelf, 'sort.html'), HOSTILE);
    const inspected = start(process.env.ISOTACH, ['inspect', '-o', join(world.shelf, 'true.zst'), '--', '/bin/true']);
    assert.equal((await inspected.ended).code, 0);
  }
  return world.shelf;
}

// Where marks are on a plot: columns of the canvas with many points of the colour of marks.
const markedColumns = (page, id) =>
  page.evaluate((panel) => {
    const root = document.querySelector(`[data-panel="${panel}"]`);
    const canvas = root.querySelector('canvas');
    const colour = getComputedStyle(document.documentElement).getPropertyValue('--mark').trim();
    const wanted = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
    const { data, width, height } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    const found = [];
    for (let x = 0; x < width; ++x) {
      let points = 0;
      for (let y = 0; y < height; ++y) {
        const at = 4 * (y * width + x);
        if (wanted.every((part, i) => Math.abs(data[at + i] - part) < 40)) ++points;
      }
      if (points > height / 8) found.push(x);
    }
    // Places within the plot, from 0 to 1.
    const over = root.querySelector('.u-over').getBoundingClientRect();
    const whole = canvas.getBoundingClientRect();
    return found.map((x) => (x / devicePixelRatio + whole.left - over.left) / over.width);
  }, id);

test('a recording is opened from the list; its mark is a line in every plot; and back', async (world) => {
  const server = await serve(['-i', '0.1', '--files', await folderOf(world)]);
  const page = await openPage(world, server);
  await page.click('#views a[href="#files"]');
  const entry = page.locator('#files li', { hasText: 'monday & more.isotach' });
  assert.match(await entry.textContent(), /isotach record .* 60 samples/);
  await entry.locator('a').click();
  await until(page, () => document.getElementById('state').dataset.state === 'recording');
  await until(page, () => (window.isotach.panel('pressure')?.chart.times.length ?? 0) >= 60);
  assert.match(await page.textContent('#age'), /monday & more\.isotach/);

  const { marks, window } = await page.evaluate(() => ({ marks: window.isotach.marks(), window: window.isotach.window() }));
  assert.deepEqual(marks.map(({ text }) => text), ['deploy of <b>version 2</b>']);
  const place = (marks[0].wall_time_ms - window.from) / (window.to - window.from);
  for (const id of ['cpu', 'memory', 'pressure', 'tasks']) {
    const columns = await markedColumns(page, id);
    assert.ok(columns.some((x) => Math.abs(x - place) < 0.02), `${id} has no mark at ${place}: ${columns}`);
  }
  await page.click('[data-panel="memory"] .menu summary');
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.click('[data-panel="memory"] .menu button:text-is("SVG")'),
  ]);
  assert.match(readFileSync(await download.path(), 'utf8'), /stroke-dasharray="2 3"[\s\S]*>deploy of &#60;b&#62;version 2/);

  await page.keyboard.press('f');
  assert.match(await page.textContent('#findings'), /Recordings hold no findings/);
  await page.click('#back');
  await until(page, () => document.getElementById('state').dataset.state === 'live');
  assert.deepEqual(page.complaints, []);
  await stop(server);
  await page.close();
});

test('a report opens in the page, where it runs and loads nothing', async (world) => {
  const server = await serve(['-i', '0.1', '--files', await folderOf(world)]);
  const page = await openPage(world, server);
  const answered = [];
  page.on('requestfinished', (request) => answered.push(request.url()));
  await page.keyboard.press('r');
  await page.click('#files a:text-is("Report & more")');
  const frame = page.frameLocator('#files iframe');
  await frame.locator('#head').waitFor();
  assert.equal(await frame.locator('#head').textContent(), 'What sort does');
  assert.notEqual(await page.title(), 'ran');
  assert.ok(answered.some((url) => url.includes('/report?name=sort.html')));
  assert.ok(!answered.some((url) => url.includes('from-report')), 'the report loaded something');
  await page.click('#files button:text-is("Close")');
  assert.equal(await page.locator('#files iframe').count(), 0);
  // The same alone, as in a tab of its own.
  const alone = await world.browser.context.newPage();
  await alone.goto(new URL('/report?name=sort.html', server.url).href);
  assert.equal(await alone.title(), 'Report & more');
  await alone.close();
  await stop(server);
  await page.close();
});

test('what inspect recorded opens as routines, images, curves and a map', async (world) => {
  const server = await serve(['-i', '0.1', '--files', await folderOf(world)]);
  const page = await openPage(world, server);
  await page.keyboard.press('r');
  // The report's own head stands below that of the page, which stays in its place.
  await page.click('#files a:text-is("/bin/true")');
  const [barEnd, headStart] = await page.evaluate(() => [
    document.querySelector('.bar').getBoundingClientRect().bottom,
    document.querySelector('.report > header').getBoundingClientRect().top,
  ]);
  assert.ok(headStart >= barEnd, `the report begins at ${headStart}, the page's head ends at ${barEnd}`);
  const frame = page.frameLocator('#files iframe');
  await frame.locator('h1').waitFor();
  assert.equal(await frame.locator('h1').textContent(), 'Inspected: /bin/true');
  const text = await frame.locator('body').textContent();
  for (const wanted of ['Accesses over address and time', 'Routines, the busiest first', 'Programs and libraries', 'libc.so.6'])
    assert.ok(text.includes(wanted), `the page has no '${wanted}'`);
  assert.ok((await frame.locator('svg').count()) >= 2);
  assert.equal(await page.locator('#files .report [role="status"]').count(), 0, 'it is read, and still said to be');
  assert.deepEqual(page.complaints, []);
  await stop(server);
  await page.close();
});

test('a recording that is not there is told', async (world) => {
  const server = await serve(['-i', '0.1', '--files', await folderOf(world)]);
  const page = await world.browser.context.newPage();
  await page.goto(new URL('/?recording=gone.isotach', server.url).href);
  await until(page, () => document.getElementById('state').dataset.state === 'missing');
  assert.match(await page.textContent('#notice'), /gone\.isotach/);
  await page.click('#back');
  await until(page, () => document.getElementById('state').dataset.state === 'live');
  assert.equal((await api(server, '/api/files')).files.length, 3);
  await stop(server);
  await page.close();
});

// Lets go of a file over the page, as a person does.
const drop = (page, name, text) =>
  page.evaluate(
    ([called, content]) => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File([content], called));
      document.body.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
    },
    [name, text],
  );

test('files of this device are chosen or dropped, and opened', async (world) => {
  const shelf = await folderOf(world);
  const server = await serve(['-i', '0.1', '--uploads', '8Mi']);
  const page = await openPage(world, server);
  await drop(page, 'sort.html', HOSTILE);
  const frame = page.frameLocator('#files iframe');
  await frame.locator('#head').waitFor();
  assert.equal(await frame.locator('#head').textContent(), 'What sort does');
  assert.notEqual(await page.title(), 'ran');
  await drop(page, 'notes.txt', 'no');
  assert.match(await page.textContent('.upload.failed'), /notes\.txt is none of/);
  await drop(page, 'notes.isotach', 'no');
  await until(page, () => /notes\.isotach is not what its name says/.test(document.querySelector('.upload').textContent));

  await page.setInputFiles('#files input[type="file"]', join(shelf, 'monday & more.isotach'));
  await until(page, () => document.getElementById('state').dataset.state === 'recording');
  await until(page, () => (window.isotach.panel('pressure')?.chart.times.length ?? 0) >= 60);
  assert.match(await page.textContent('#age'), /monday & more\.isotach/);
  await page.keyboard.press('r');
  assert.match(await page.locator('#files li', { hasText: 'monday & more' }).textContent(), /sent to the server.*shown now/);
  await page.close();
  await stop(server);
});

test('a capture opens as a table, a verdict and graphs; a damaged one says where it ends', async (world) => {
  const talk = readFileSync(new URL('../../fuzz/corpus/captures/talk', import.meta.url));
  const file = (name) => join(world.folder, name);
  writeFileSync(file('talk.pcap'), talk);
  writeFileSync(file('cut.pcap'), talk.subarray(0, talk.length - 20));
  writeFileSync(file('broken.pcap.gz'), Buffer.concat([Buffer.from([0x1f, 0x8b, 8, 0]), Buffer.alloc(100, 7)]));
  const server = await serve(['-i', '0.1', '--uploads', '1Mi']);
  const page = await openPage(world, server);
  await page.keyboard.press('r');
  await page.locator('#files .upload button').waitFor();
  const frame = page.frameLocator('#files iframe');
  const choose = async (name) => {
    await page.setInputFiles('#files input[type="file"]', file(name));
    await page.locator(`#files iframe[title="Report sent/${name}"]`).waitFor({ state: 'attached' });
  };
  await choose('talk.pcap');
  await frame.locator('h1').waitFor();
  assert.equal(await frame.locator('h1').textContent(), 'TCP connections');
  assert.match(await frame.locator('table').textContent(), /10\.0\.0\.1:40000.*10\.0\.0\.2:80.*complete.*loss/s);
  // The script of the graphs has run: it makes their legends.
  await frame.locator('td a').first().click();
  await frame.locator('.legend button').first().waitFor();
  assert.equal(await frame.locator('.notice').count(), 0);

  await choose('cut.pcap');
  await frame.locator('.notice').waitFor();
  assert.match(await frame.locator('.notice').textContent(), /cut\.pcap: it ends in the middle of frame 18/);
  await choose('broken.pcap.gz');
  await frame.locator('[role="alert"]').waitFor();
  assert.match(await frame.locator('[role="alert"]').textContent(), /cannot read broken\.pcap\.gz: /);
  const listed = (await api(server, '/api/files')).files;
  assert.deepEqual(new Set(listed.map(({ kind }) => kind)), new Set(['capture']));
  assert.equal(listed.length, 3);
  await page.close();
  await stop(server);
});

test('without leave to send files the page says how', async (world) => {
  const server = await serve(['-i', '0.1']);
  const page = await openPage(world, server);
  await drop(page, 'sort.html', HOSTILE);
  await until(page, () => /--uploads/.test(document.querySelector('.upload').textContent));
  assert.equal(await page.isVisible('#files .upload button'), false);
  assert.deepEqual(page.complaints, []);
  await page.close();
  await stop(server);
});
