import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { expect } from 'vitest'

/** Deleted before the program is loaded: what browsers and edge runtimes do not have. Node's own fetch needs `global`. */
const withoutNode = `
  const stop = process.exit
  // Node's own fetch needs the others when it is loaded.
  await fetch('http://127.0.0.1:65535').catch(() => undefined)
  for (const name of ['process', 'Buffer', 'setImmediate', 'clearImmediate']) delete globalThis[name]
  await import('./bundle.mjs')
  stop(0)
`

/** Bundles a program for browsers, runs it where nothing of Node's is around it, and reads what it has printed as JSON. */
export async function runWithoutNode(name: string, program: string): Promise<unknown> {
  const folder = fileURLToPath(new URL(`.generated/${name}/`, import.meta.url))
  await mkdir(folder, { recursive: true })
  await writeFile(`${folder}program.mjs`, program)
  const { warnings, metafile } = await build({
    entryPoints: [`${folder}program.mjs`],
    outfile: `${folder}bundle.mjs`,
    bundle: true,
    platform: 'browser',
    format: 'esm',
    metafile: true,
    logLevel: 'silent',
  })
  expect(warnings).toEqual([])
  expect(Object.values(metafile.outputs).flatMap(({ imports }) => imports)).toEqual([])
  await writeFile(`${folder}run.mjs`, withoutNode)
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [`${folder}run.mjs`])
  expect(stderr).toBe('')
  return JSON.parse(stdout)
}
