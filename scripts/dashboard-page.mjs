// Bundles the dashboard's page into one TypeScript module: names with hashes, brotli as base64.
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { brotliCompressSync, constants } from 'node:zlib'
import { build } from 'esbuild'
import { root } from './bootstrap.mjs'

const ui = `${root}packages/dashboard/ui`
const generated = `${root}packages/dashboard/src/generated`

export async function buildDashboardPage() {
  const { outputFiles } = await build({
    entryPoints: [`${ui}/main.tsx`],
    bundle: true,
    minify: true,
    format: 'esm',
    target: ['chrome110', 'firefox115', 'safari16'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    legalComments: 'none',
    outdir: 'out',
    write: false,
    logLevel: 'warning',
  })
  const [script, style] = ['.js', '.css'].map((end) => outputFiles.find(({ path }) => path.endsWith(end)).contents)
  const files = [
    { name: `page-${hash(script)}.js`, type: 'text/javascript; charset=utf-8', contents: script },
    { name: `page-${hash(style)}.css`, type: 'text/css; charset=utf-8', contents: style },
  ]
  const html = readFileSync(`${ui}/index.html`, 'utf8').replace('SCRIPT', files[0].name).replace('STYLE', files[1].name)
  files.push({ name: 'index.html', type: 'text/html; charset=utf-8', contents: Buffer.from(html) })
  const packed = files.map(({ name, type, contents }) => ({ name, type, brotli: compressed(contents) }))
  mkdirSync(generated, { recursive: true })
  writeFileSync(
    `${generated}/packed.ts`,
    '/** Made of ../../ui by scripts/dashboard-page.mjs. */\n' +
      'export const packed: readonly { readonly name: string; readonly type: string; readonly brotli: string }[] = ' +
      `${JSON.stringify(packed)}\n`,
  )
}

function hash(contents) {
  return createHash('sha256').update(contents).digest('hex').slice(0, 10)
}

function compressed(contents) {
  return brotliCompressSync(contents, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).toString('base64')
}
