// Bundles by esbuild, webpack and Rollup, as ES module and as CommonJS: run where the packages are installed, and elsewhere.
import { renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fail } from '../bootstrap.mjs'
import { newApp, output, succeeds } from './workshop.mjs'

const BUNDLERS = ['esbuild', 'webpack', 'rollup']
const FORMATS = ['esm', 'cjs']

export async function checkBundlers(place, tarballs, env) {
  const app = newApp(join(place, 'bundled'), 'bundled', [
    ...tarballs,
    ...[
      'esbuild',
      'webpack',
      'rollup',
      '@rollup/plugin-node-resolve',
      '@rollup/plugin-commonjs',
      '@rollup/plugin-json',
    ],
    ...['ioredis@6', '@upstash/redis@1', 'express@5'],
  ])
  const bundles = BUNDLERS.flatMap((bundler) =>
    FORMATS.map((format) => ({ bundler, format, title: `${bundler}, ${format}` })),
  )
  for (const { bundler, format, title } of bundles) {
    for (const entry of ['by-url', 'by-function']) {
      await succeeds(`${title}: ${entry} bundles`, process.execPath, ['bundle.mjs', bundler, format, entry], {
        cwd: app,
      })
    }
    await says(`${title}: a URL`, join(app, 'out', fileOf(bundler, format, 'by-url')), app, env, 'allowed, denied')
  }
  // Deployed alone: nothing is installed where it runs, nor any more where it was built.
  const alone = join(place, 'alone')
  renameSync(join(app, 'out'), alone)
  rmSync(app, { recursive: true })
  for (const { bundler, format, title } of bundles) {
    const [byUrl, byFunction] = ['by-url', 'by-function'].map((entry) => join(alone, fileOf(bundler, format, entry)))
    await says(`${title}: a URL, alone`, byUrl, alone, env, "give store: redisStore('…')")
    await says(`${title}: redisStore(url), alone`, byFunction, alone, env, 'allowed, denied')
  }
}

function fileOf(bundler, format, entry) {
  return `${bundler}-${format}-${entry}.${format === 'esm' ? 'mjs' : 'cjs'}`
}

async function says(title, file, cwd, env, sentence) {
  const { text } = await output(process.execPath, [file], { cwd, env, timeout: 20_000 })
  if (!text.includes(sentence)) fail(`${title} did not say "${sentence}":\n${text}`)
  console.log(`${title}: says "${sentence}"`)
}
