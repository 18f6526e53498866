// Starts isotach web and a browser, and runs tests one after another. Nothing here sleeps: every wait
// is for a condition, with a deadline.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const load = createRequire(join(process.env.ISOTACH_WEB_MODULES, 'package.json'));
const { chromium } = load('playwright-core');

export const DEADLINE_MS = 60_000; // a slow machine is no failure
const BROWSER_FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const children = new Set();
export function start(program, words, options = {}) {
  const child = spawn(program, words, { stdio: ['pipe', 'pipe', 'inherit'], ...options });
  children.add(child);
  child.ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
  child.once('exit', () => children.delete(child));
  return child;
}

// The first line that a program prints.
export function firstLine(child) {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stdout.on('data', (piece) => {
      text += piece;
      if (text.includes('\n')) resolve(text.slice(0, text.indexOf('\n')));
    });
    child.once('exit', (code) => reject(new Error(`ended with ${code} before it printed a line`)));
  });
}

// The server on a free port, or on `port`.
export async function serve(words = [], port = 0) {
  const server = start(process.env.ISOTACH, ['web', '--listen', `127.0.0.1:${port}`, ...words]);
  server.url = await firstLine(server);
  server.port = Number(new URL(server.url).port);
  return server;
}

export async function stop(child, signal = 'SIGINT') {
  child.kill(signal);
  return child.ended;
}

// A browser with a profile of its own; closing it removes the profile.
export async function openBrowser() {
  const profile = mkdtempSync(join(tmpdir(), 'isotach-browser-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM,
    args: BROWSER_FLAGS,
    viewport: { width: 1280, height: 900 },
    acceptDownloads: true,
  });
  context.setDefaultTimeout(DEADLINE_MS);
  return {
    context,
    close: async () => {
      await context.close();
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

const tests = [];
export const test = (name, run) => tests.push({ name, run });

// Those whose name holds `pattern`.
export async function runTests(world, pattern = '') {
  let passed = 0;
  let failed = 0;
  for (const { name, run } of tests.filter((one) => one.name.includes(pattern))) {
    try {
      await run(world);
      ++passed;
      console.log(`ok   ${name}`);
    } catch (error) {
      ++failed;
      console.log(`FAIL ${name}\n     ${String(error.stack ?? error).replaceAll('\n', '\n     ')}`);
    }
  }
  return { passed, failed };
}

export function endAll() {
  for (const child of children) child.kill('SIGKILL');
}
