// The views of what the doctor sees: connections while one really moves data, and findings.
import assert from 'node:assert/strict';
import { createServer, connect } from 'node:net';
import { load, test } from './harness.mjs';
import { openPage, until } from './steps.mjs';

const AxeBuilder = load('@axe-core/playwright').default;

// A transfer over loopback, until it is ended; gives the receiver's port.
async function transfer() {
  const sockets = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.resume();
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  const client = connect(port, '127.0.0.1');
  client.on('error', () => {});
  const block = Buffer.alloc(32 * 1024);
  const pump = setInterval(() => client.write(block), 20);
  return {
    port,
    end: () => {
      clearInterval(pump);
      client.destroy();
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

test('a connection that moves data is shown with its rate, and is found by its port', async (world) => {
  const moving = await transfer();
  const page = await openPage(world, world.server);
  try {
    await page.keyboard.press('c');
    const row = page.locator('#connections tbody tr', { hasText: `:${moving.port}` }).first();
    await row.waitFor();
    assert.match(await row.textContent(), /node.*[↑↓] [\d.]+ [kM]bit\/s/);
    assert.match(await page.textContent('#connections .lead'), /\d+ established/);

    await page.keyboard.press('/');
    await page.keyboard.type('no such program');
    await until(page, () => document.querySelector('#connections table').hidden);
    await page.keyboard.press('Escape');
    await row.waitFor();
    assert.equal(await page.getAttribute('#connections th:nth-child(4)', 'aria-sort'), 'descending');
    await page.click('#connections th:nth-child(1) button');
    assert.equal(await page.getAttribute('#connections th:nth-child(1)', 'aria-sort'), 'ascending');

    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme });
      const { violations } = await new AxeBuilder({ page }).include('#connections').analyze();
      assert.deepEqual(violations.map(({ id, impact }) => `${colorScheme}: ${impact} ${id}`), []);
    }
    await page.setViewportSize({ width: 360, height: 740 });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(wide <= 360, `the table is ${wide} px wide on a telephone`);
  } finally {
    moving.end();
    await page.close();
  }
});

test('findings are what the API says, on their view and in its badge', async (world) => {
  const page = await openPage(world, world.server);
  await until(page, () => window.isotach.findings() !== null);
  await page.keyboard.press('f');
  const { shown, known, grave, strip } = await page.evaluate(() => {
    const { findings } = window.isotach.findings();
    return {
      known: findings.map(({ id }) => id),
      shown: [...document.querySelectorAll('#findings .card')].map((one) => one.dataset.finding),
      grave: findings.filter(({ severity }) => severity !== 'info').length,
      strip: document.querySelector('#strip').textContent,
    };
  });
  assert.deepEqual(shown, known);
  assert.ok(strip.length > 0);
  const text = await page.textContent('#views a[href="#findings"]');
  assert.equal(text, grave > 0 ? `Findings${grave}` : 'Findings');
  assert.match(await page.textContent('#findings .verdict'), /Nothing wrong|critical|warning/);
  await page.close();
});
