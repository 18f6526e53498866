// Bundles the page and writes it as C++ source.
//   node build.mjs --modules DIR --out assets.cc [--files DIR]
// DIR holds node_modules; --files leaves the plain files there too, to look at.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const here = dirname(fileURLToPath(import.meta.url));
const { values: options } = parseArgs({
  options: { modules: { type: 'string', default: here }, out: { type: 'string' }, files: { type: 'string' } },
});
const modules = resolve(options.modules);
const esbuild = createRequire(join(modules, 'package.json'))('esbuild');

const bundle = (entry) =>
  esbuild.buildSync({
    entryPoints: [join(here, 'src', entry)],
    nodePaths: [join(modules, 'node_modules')],
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    target: ['chrome100', 'firefox100', 'safari15.4'],
    legalComments: 'none',
    logLevel: 'warning',
  }).outputFiles[0].contents;

const hashed = (stem, extension, data) =>
  `/${stem}-${createHash('sha256').update(data).digest('hex').slice(0, 10)}.${extension}`;

const script = bundle('main.ts');
const style = bundle('page.css');
const scriptPath = hashed('page', 'js', script);
const stylePath = hashed('page', 'css', style);
const html = readFileSync(join(here, 'src/index.html'), 'utf8')
  .replace('page.css', stylePath)
  .replace('page.js', scriptPath);

const assets = [
  { path: '/', type: 'text/html; charset=utf-8', data: Buffer.from(html), immutable: false },
  { path: scriptPath, type: 'text/javascript; charset=utf-8', data: Buffer.from(script), immutable: true },
  { path: stylePath, type: 'text/css; charset=utf-8', data: Buffer.from(style), immutable: true },
  { path: '/icon.svg', type: 'image/svg+xml', data: readFileSync(join(here, 'src/icon.svg')), immutable: false },
];

if (options.files) {
  mkdirSync(options.files, { recursive: true });
  for (const asset of assets)
    writeFileSync(join(options.files, asset.path === '/' ? 'index.html' : asset.path), asset.data);
}
if (options.out) {
  const arrays = assets.map(({ data }, i) => `constexpr unsigned char kData${i}[] = {${[...data].join(',')}};\n`);
  const rows = assets.map(
    ({ path, type, data, immutable }, i) =>
      `    {"${path}", "${type}", {reinterpret_cast<const char*>(kData${i}), ${data.length}}, ${immutable}},\n`,
  );
  mkdirSync(dirname(options.out), { recursive: true });
  writeFileSync(
    options.out,
    `// Made by web/build.mjs from web/src.
#include "view/web/assets.h"

namespace isotach::view {
namespace {
${arrays.join('')}}  // namespace

std::span<const WebAsset> web_assets() {
  static const WebAsset kAssets[] = {
${rows.join('')}  };
  return kAssets;
}
}  // namespace isotach::view
`,
  );
}
