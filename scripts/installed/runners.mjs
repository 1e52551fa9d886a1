// Tests of apps with limits and of their clients, as the pages on testing show them: by Vitest, Jest and node:test, over the packages as they are installed.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fail, root } from '../bootstrap.mjs'
import { newApp, succeeds } from './workshop.mjs'

const PAGES = ['docs/testing.md', 'docs/testing-clients.md']
const FIXTURE = 'testing'

/** What runs in the folder of each runner, and where it says how many tests there were. */
const RUNNERS = {
  vitest: { args: ['../node_modules/vitest/vitest.mjs', 'run'], summary: /^ *Tests +\d.*$/m },
  jest: { args: ['../node_modules/jest/bin/jest.js', '--ci', '--rootDir', '.'], summary: /^Tests: .*$/m },
  'node-test': { args: ['--test'], summary: /^\S+ tests [1-9]\d*$/m },
}

export async function checkRunners(place, tarballs, env) {
  checkPages()
  const app = newApp(join(place, 'testing'), FIXTURE, [
    ...tarballs,
    ...['vitest@4', 'jest@30', 'supertest@7', 'express@5', 'fastify@5', 'koa@3', 'ioredis@6', '@upstash/redis@1'],
  ])
  for (const [runner, { args, summary }] of Object.entries(RUNNERS)) {
    const text = await succeeds(`Testing: ${runner}`, process.execPath, args, {
      cwd: join(app, runner),
      env: { ...env, NO_COLOR: '1' },
    })
    const [said] = summary.exec(text) ?? fail(`${runner} did not say how many tests it ran:\n${text}`)
    console.log(said.trim())
  }
}

/** The pages show what is run: each of their samples is a file of the fixture, under a first line that names it. */
function checkPages() {
  const shown = new Set(PAGES.flatMap(runnersIn))
  for (const runner of Object.keys(RUNNERS)) if (!shown.has(runner)) fail(`No page shows a test of ${runner}.`)
}

function runnersIn(name) {
  const page = readFileSync(join(root, name), 'utf8')
  const samples = [...page.matchAll(/^```(?:javascript|typescript)\n(.*)\n([\s\S]*?)^```$/gm)]
  console.log(`${name}: ${samples.length} samples are what is run`)
  return samples.map(([, title, code]) => {
    const [, runner, file] = /^\/\/ (vitest|jest|node-test): ([\w.-]+)$/.exec(title) ?? []
    if (file === undefined) fail(`${name}: "${title}" does not name a file, as in "// vitest: limit.test.js".`)
    const path = join(root, 'test/installed', FIXTURE, runner, file)
    if (!existsSync(path)) fail(`${name} shows ${runner}/${file}, which does not exist.`)
    if (readFileSync(path, 'utf8') !== code) fail(`${name} shows ${runner}/${file} otherwise than it is run.`)
    return runner
  })
}
