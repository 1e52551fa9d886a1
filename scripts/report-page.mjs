// Bundles the page of `sluice simulate --html` into one TypeScript module.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { build } from 'esbuild'
import { root } from './bootstrap.mjs'

const page = `${root}packages/cli/report`
const generated = `${root}packages/cli/src/generated`

export async function buildReportPage() {
  const { outputFiles } = await build({
    entryPoints: [`${page}/main.ts`],
    bundle: true,
    minify: true,
    format: 'iife',
    target: ['chrome110', 'firefox115', 'safari16'],
    legalComments: 'none',
    outdir: 'out',
    write: false,
    logLevel: 'warning',
  })
  const [script, style] = ['.js', '.css'].map((end) => outputFiles.find(({ path }) => path.endsWith(end)).text)
  // A script ends where `</script` stands, even in a string.
  const code = script.replaceAll('</script', '<\\/script')
  const [before, after] = readFileSync(`${page}/index.html`, 'utf8')
    .replace('<!--STYLE-->', () => `<style>${style}</style>`)
    .split('<!--SCRIPTS-->')
  const parts = [`${before}<script type="application/json" id="result">`, `</script>\n<script>${code}</script>${after}`]
  mkdirSync(generated, { recursive: true })
  writeFileSync(
    `${generated}/report-page.ts`,
    '/** Made of ../../report by scripts/report-page.mjs: what stands before the result, and behind it. */\n' +
      `export const reportPage: readonly [before: string, after: string] = ${JSON.stringify(parts)}\n`,
  )
}
