// Builds the packages: ES modules and types by the compiler, then CommonJS of those for Jest and older tools.
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { build } from 'esbuild'
import { root, run, tool } from './bootstrap.mjs'
import { buildDashboardPage } from './dashboard-page.mjs'
import { buildReportPage } from './report-page.mjs'

await buildDashboardPage()
await buildReportPage()
run(tool('tsc'), ['-b'], 'The packages do not compile; see the compiler’s messages above.')
for (const name of readdirSync(`${root}packages`)) await toCommonJs(`${root}packages/${name}/dist`)

/** File by file, so that a package's entry points share their modules. The types are the same text, read as CommonJS. */
async function toCommonJs(dist) {
  const cjs = `${dist}/cjs`
  rmSync(cjs, { recursive: true, force: true })
  const files = readdirSync(dist, { recursive: true })
  await build({
    entryPoints: files.filter((file) => file.endsWith('.js')).map((file) => `${dist}/${file}`),
    outbase: dist,
    outdir: cjs,
    format: 'cjs',
    platform: 'node',
    target: 'node20.19',
    define: { 'import.meta.url': '__filename' },
    logLevel: 'warning',
  })
  if (files.includes('temporal.js')) await bundleInto(`${dist}/temporal.js`, `${cjs}/temporal.js`)
  for (const file of typesFrom(dist, files)) cpSync(`${dist}/${file}`, `${cjs}/${file}`)
  writeFileSync(`${cjs}/package.json`, '{ "type": "commonjs" }\n')
}

/** With what it imports inside: Temporal's polyfill is an ES module only, which Jest cannot require. */
async function bundleInto(file, outfile) {
  const format = 'cjs'
  await build({
    entryPoints: [file],
    outfile,
    bundle: true,
    format,
    platform: 'node',
    target: 'node20.19',
    legalComments: 'inline',
  })
}

/** The types that an entry point leads to; those of other modules are not needed. */
function typesFrom(dist, files) {
  const left = files.filter((file) => /^(?:\w+\/)?index\.d\.ts$/.test(file))
  const found = new Set(left)
  for (let file = left.pop(); file !== undefined; file = left.pop()) {
    const text = readFileSync(`${dist}/${file}`, 'utf8')
    for (const [, path] of text.matchAll(/(?:from |import\()'(\.[^']+)\.js'/g)) {
      const next = normalize(join(dirname(file), `${path}.d.ts`))
      if (found.has(next)) continue
      found.add(next)
      left.push(next)
    }
  }
  return found
}
