// Builds the packages: ES modules and types by the compiler, then CommonJS of those for Jest and older tools.
import { cpSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { build } from 'esbuild'
import { root, run, tool } from './bootstrap.mjs'

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
  for (const file of files.filter((file) => file.endsWith('.d.ts'))) cpSync(`${dist}/${file}`, `${cjs}/${file}`)
  writeFileSync(`${cjs}/package.json`, '{ "type": "commonjs" }\n')
}
