// The views of the page: what each shows, how it is reached, and that everybody can use it.
import assert from 'node:assert/strict';
import { load, test } from './harness.mjs';
import { openPage, until } from './steps.mjs';

const AxeBuilder = load('@axe-core/playwright').default;

// The views and something that each has.
const VIEWS = {
  overview: '[data-panel="cpu"] canvas',
  memory: '[data-panel="faults"] canvas',
  network: '[data-panel^="network "] canvas',
  connections: '#connections .lead',
  findings: '#findings .lead',
  files: '#files h2',
};

// They hold nothing but panels, as the overview does: of their colours nothing is new.
const PANELS_ONLY = ['memory', 'network'];

const shows = (page, view) =>
  until(page, (name) => document.querySelector('#views [aria-current]')?.getAttribute('href') === `#${name}`, view);

test('each view is reached by its link, its key, its address and by going back', async (world) => {
  const page = await openPage(world, world.server);
  await shows(page, 'overview');
  for (const [view, part] of Object.entries(VIEWS)) {
    await page.click(`#views a[href="#${view}"]`);
    await shows(page, view);
    await page.waitForSelector(part);
  }
  const keys = { m: 'memory', f: 'findings', r: 'files', n: 'network', o: 'overview', c: 'connections' };
  for (const [key, view] of Object.entries(keys)) {
    await page.keyboard.press(key);
    await shows(page, view);
  }
  await page.goBack();
  await shows(page, 'overview');
  await page.goto(new URL('#memory', world.server.url).href);
  await shows(page, 'memory');
  assert.deepEqual(page.complaints, []);
  await page.close();
});

test('zoom and the cursor are the same in all views', async (world) => {
  const page = await openPage(world, world.server);
  const box = await page.locator('[data-panel="memory"] .u-over').boundingBox();
  await page.mouse.move(box.x + box.width * 0.2, box.y + 60);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.7, box.y + 60, { steps: 5 });
  await page.mouse.up();
  const zoomed = await page.evaluate(() => window.isotach.window());
  // The cursor of one plot is drawn in its neighbours, at the same time.
  await page.mouse.move(box.x + box.width * 0.5, box.y + 60);
  const cursors = ['cpu', 'memory', 'pressure'].map((id) => `[data-panel="${id}"] .u-cursor-x`);
  const places = () => page.evaluate((all) => all.map((one) => document.querySelector(one).style.transform), cursors);
  const [first, ...others] = await places();
  assert.match(first, /translate\([1-9]/);
  for (const other of others) assert.equal(other, first);
  await page.keyboard.press('m');
  await shows(page, 'memory');
  assert.deepEqual(await page.evaluate(() => window.isotach.window()), zoomed);
  await page.keyboard.press('0');
  assert.notDeepEqual(await page.evaluate(() => window.isotach.window()), zoomed);
  await page.close();
});

test('every plot of every view is drawn, with labels below it', async (world) => {
  const page = await openPage(world, world.server);
  for (const view of ['overview', 'memory', 'network']) {
    await page.click(`#views a[href="#${view}"]`);
    await until(page, () => {
      const shown = [...document.querySelectorAll('#panels .panel')].map((one) => one.dataset.panel);
      return shown.length > 1 && shown.every((id) => window.isotach.panel(id)?.chart.times.length > 2);
    });
  }
  assert.deepEqual(page.complaints, []);
  await page.close();
});

for (const colorScheme of ['light', 'dark'])
  test(`axe finds nothing serious in any view, ${colorScheme}`, async (world) => {
    const page = await openPage(world, world.server, { colorScheme });
    const found = [];
    await page.click('#pause'); // drawing ten times a second would take the time that looking needs
    for (const [view, part] of Object.entries(VIEWS)) {
      if (colorScheme === 'dark' && PANELS_ONLY.includes(view)) continue;
      await page.click(`#views a[href="#${view}"]`);
      await page.waitForSelector(part);
      if (await page.isVisible('#idle:not([open]) > summary')) await page.click('#idle-summary');
      // What is not about colours was seen in light.
      const axe = new AxeBuilder({ page });
      const { violations } = await (colorScheme === 'light' ? axe : axe.withRules(['color-contrast'])).analyze();
      for (const { id, impact, nodes } of violations)
        if (['serious', 'critical'].includes(impact))
          found.push(`${view}: ${id}: ${nodes.map((node) => node.target).join(', ')}`);
    }
    await page.keyboard.press('?');
    const { violations } = await new AxeBuilder({ page }).include('#help').analyze();
    found.push(...violations.map(({ id }) => `help: ${id}`));
    assert.deepEqual(found, []);
    await page.close();
  });

test('light and dark are chosen by hand, kept, and given back to the system', async (world) => {
  const page = await openPage(world, world.server, { colorScheme: 'light' });
  const colours = () =>
    page.evaluate(() => {
      const style = getComputedStyle(document.documentElement);
      return [style.getPropertyValue('--page').trim(), style.colorScheme, getComputedStyle(document.body).backgroundColor];
    });
  const words = () => page.getAttribute('#scheme', 'aria-label');
  const contrast = async () => {
    const { violations } = await new AxeBuilder({ page }).withRules(['color-contrast', 'button-name']).analyze();
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target).join(', ')}`);
  };
  const light = await colours();
  await page.emulateMedia({ colorScheme: 'dark' });
  const dark = await colours();
  assert.notEqual(light[0], dark[0]);
  assert.equal(await words(), 'Colours: as the system says');
  // On a system that is dark: light, also after the page is loaded again.
  await page.click('#scheme');
  assert.equal(await words(), 'Colours: light');
  assert.deepEqual(await colours(), [light[0], 'light', light[2]]);
  assert.deepEqual(await contrast(), []);
  await page.reload();
  await until(page, () => window.isotach?.lastNumber() > 2);
  assert.deepEqual(await colours(), [light[0], 'light', light[2]]);
  // On one that is light: dark, in the plots too.
  await page.emulateMedia({ colorScheme: 'light' });
  await page.keyboard.press('t');
  assert.equal(await words(), 'Colours: dark');
  assert.deepEqual(await colours(), [dark[0], 'dark', dark[2]]);
  assert.deepEqual(await contrast(), []);
  await page.keyboard.press('t');
  assert.deepEqual(await colours(), light);
  assert.equal(await page.evaluate(() => localStorage.length), 0);
  assert.deepEqual(page.complaints, []);
  await page.close();
});

test('every view fits a phone', async (world) => {
  const page = await openPage(world, world.server, { viewport: { width: 360, height: 740 }, reducedMotion: 'reduce' });
  for (const [view, part] of Object.entries(VIEWS)) {
    await page.click(`#views a[href="#${view}"]`);
    await page.waitForSelector(part);
    const { wide, view: screen } = await page.evaluate(() => ({
      wide: document.documentElement.scrollWidth,
      view: document.documentElement.clientWidth,
    }));
    assert.ok(wide <= screen, `${view} is ${wide} px wide on a screen of ${screen}`);
  }
  await page.close();
});
