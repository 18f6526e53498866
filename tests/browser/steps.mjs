// What the tests of the page do again and again.
import { DEADLINE_MS } from './harness.mjs';

export const until = (page, condition, argument) =>
  page.waitForFunction(condition, argument, { timeout: DEADLINE_MS, polling: 50 });

export const api = async (server, path) => (await fetch(new URL(path, server.url))).json();
export const plotted = (page, id) => page.evaluate((name) => window.isotach.panel(name), id);

// A page that keeps what it complains about and whom it asks.
export async function openPage(world, server, options = {}) {
  const page = await world.browser.context.newPage();
  page.complaints = [];
  page.requested = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) page.complaints.push(message.text());
  });
  page.on('pageerror', (error) => page.complaints.push(String(error)));
  page.on('request', (request) => page.requested.push(request.url()));
  await page.emulateMedia({ colorScheme: options.colorScheme ?? 'light', reducedMotion: options.reducedMotion ?? null });
  if (options.viewport) await page.setViewportSize(options.viewport);
  await page.goto(server.url);
  await until(page, () => window.isotach?.lastNumber() > 2);
  await until(page, () => document.getElementById('state').dataset.state === 'live');
  return page;
}
