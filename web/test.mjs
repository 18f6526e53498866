// Type-checks the page and runs its unit tests.
//   node test.mjs [--modules DIR]
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const here = dirname(fileURLToPath(import.meta.url));
const { values: options } = parseArgs({ options: { modules: { type: 'string', default: here } } });
const modules = resolve(options.modules);
const out = join(modules, 'test');
mkdirSync(out, { recursive: true });

// The packages lie in the build directory, where the compiler would not look for them.
const project = join(out, 'tsconfig.json');
writeFileSync(
  project,
  JSON.stringify({
    extends: join(here, 'tsconfig.json'),
    compilerOptions: { paths: { uplot: [join(modules, 'node_modules/uplot/dist/uPlot.d.ts')] } },
    include: [join(here, 'src')],
  }),
);
const run = (...words) => {
  const { status } = spawnSync(process.execPath, words, { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
};
run(join(modules, 'node_modules/typescript/bin/tsc'), '--noEmit', '--project', project);

const tests = readdirSync(join(here, 'test')).filter((name) => name.endsWith('.test.ts'));
const esbuild = createRequire(join(modules, 'package.json'))('esbuild');
esbuild.buildSync({
  entryPoints: tests.map((name) => join(here, 'test', name)),
  nodePaths: [join(modules, 'node_modules')],
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node18',
  outdir: out,
  outExtension: { '.js': '.mjs' },
  logLevel: 'warning',
});
run('--test', ...tests.map((name) => join(out, name.replace(/\.ts$/, '.mjs'))));
