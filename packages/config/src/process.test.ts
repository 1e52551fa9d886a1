// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of the file, not of JavaScript
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const built = new URL('../dist/index.js', import.meta.url).href
let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-process-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** What a process prints that runs a text with `loadConfig`, in the folder, with Node's own modules. */
function run(text: string): Promise<string> {
  writeFileSync(join(folder, 'app.mjs'), `import { loadConfig } from ${JSON.stringify(built)}\n${text}`)
  return new Promise((resolve, reject) => {
    execFile(process.execPath, ['app.mjs'], { cwd: folder, timeout: 20_000 }, (error, stdout, stderr) =>
      error === null ? resolve(stdout.trim()) : reject(new Error(stderr)),
    )
  })
}

const RELOADING = `
import { writeFileSync } from 'node:fs'
const { watch, ...first } = await loadConfig({ watch: true })
console.log(first.store)
const alive = setTimeout(() => {}, 10_000)
watch((next) => {
  console.log(next.store)
  clearTimeout(alive)
})
writeFileSync(FILE, TEXT)`

describe('in a process of its own', () => {
  it('watching does not keep the process alive', async () => {
    writeFileSync(join(folder, 'sluice.config.yaml'), 'store: "memory:"')
    expect(
      await run('const config = await loadConfig({ watch: true }); config.watch(() => {}); console.log(config.store)'),
    ).toBe('memory:')
  })

  it('the environment is that of the process', async () => {
    writeFileSync(join(folder, 'sluice.config.yaml'), 'store: ${SLUICE_TEST_STORE}')
    expect(await run("process.env.SLUICE_TEST_STORE = 'memory:'; console.log((await loadConfig()).store)")).toBe(
      'memory:',
    )
  })

  it.each([
    ['sluice.config.mjs', 'export default'],
    ['sluice.config.cjs', 'module.exports ='],
    ['sluice.config.js', 'export default'],
    ['sluice.config.js', 'module.exports ='],
  ])('%s with %s is read again when it has changed', async (name, exporting) => {
    writeFileSync(
      join(folder, 'package.json'),
      JSON.stringify({ type: exporting.startsWith('export') ? 'module' : 'commonjs' }),
    )
    writeFileSync(join(folder, name), `${exporting} { store: 'before' }`)
    const text = RELOADING.replace('FILE', `'${name}'`).replace('TEXT', `"${exporting} { store: 'after' }"`)
    expect(await run(text)).toBe('before\nafter')
  })

  const reads = 'typescript' in process.features && Boolean(process.features.typescript)

  it(reads ? 'TypeScript is read' : 'TypeScript is refused where Node.js does not read it', async () => {
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
    writeFileSync(join(folder, 'sluice.config.ts'), "const store: string = 'memory:'\nexport default { store }")
    const text = 'console.log(await loadConfig().then(({ store }) => store, ({ message }) => message))'
    expect(await run(text)).toBe(
      reads
        ? 'memory:'
        : `sluice.config.ts: expected Node.js 22.18 or newer, which reads TypeScript, got ${process.version}. Write it in JavaScript, as sluice.config.js.`,
    )
  })
})
