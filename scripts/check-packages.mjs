// What users get: the packed tarballs, checked and installed with plain npm into an empty app;
// the reference; and the tests again on the other Node versions.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { bootstrap, fail, pnpm, root, run, tool } from './bootstrap.mjs'

const OTHER_NODES = [22, 24, 26]

bootstrap()
const place = mkdtempSync(join(tmpdir(), 'sluice-'))
try {
  const tarballs = pack()
  for (const tarball of tarballs) checkTarball(tarball)
  await answersInAnEmptyApp(tarballs)
  run(tool('typedoc'), [], 'The reference does not build without a warning.')
  for (const version of OTHER_NODES) testsOn(version)
} finally {
  rmSync(place, { recursive: true, force: true })
}

function pack() {
  for (const name of readdirSync(`${root}packages`)) {
    run(...pnpm('--dir', `packages/${name}`, 'pack', '--pack-destination', place), `@sluice/${name} cannot be packed.`)
  }
  return readdirSync(place).map((file) => join(place, file))
}

function checkTarball(tarball) {
  run(tool('publint'), ['run', tarball, '--strict'], `publint found something in ${tarball}.`)
  run(tool('attw'), [tarball, '--profile', 'esm-only'], `The types of ${tarball} are wrong.`)
}

/** As a user would: npm init, npm install, one line a route; imported, and required. */
async function answersInAnEmptyApp(tarballs) {
  const app = join(place, 'app')
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error', '--prefix', app]
  run('npm', ['install', ...quiet, ...tarballs, 'express@5', 'koa@3', 'fastify@5'], 'The tarballs do not install.')
  const express = (load) => `${load}
    const app = express().get('/', sluice()('1/min'), (req, res) => res.send('ok'))
    const server = app.listen(0, () => console.log(server.address().port))`
  writeFileSync(
    join(app, 'imported.mjs'),
    express(`import express from 'express'; import { sluice } from '@sluice/express'`),
  )
  writeFileSync(
    join(app, 'required.cjs'),
    express(`const express = require('express'); const { sluice } = require('@sluice/express')
      require('@sluice/core'); require('@sluice/core/http'); require('@sluice/koa'); require('@sluice/fastify')`),
  )
  for (const file of ['imported.mjs', 'required.cjs']) await answers429(join(app, file))
}

async function answers429(file) {
  const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'pipe'] })
  let complaint = ''
  child.stderr.on('data', (chunk) => {
    complaint += chunk
  })
  const [port] = await Promise.race([once(createInterface(child.stdout), 'line'), once(child, 'exit').then(() => [])])
  const statuses = []
  for (let request = 0; port !== undefined && request < 2; request++) {
    statuses.push((await fetch(`http://127.0.0.1:${port}/`)).status)
  }
  child.kill()
  if (complaint !== '' || statuses.join() !== '200,429') fail(`${file} answered [${statuses}]\n${complaint}`)
  console.log(`${file}: 200, then 429`)
}

/** The core and adapter tests on another Node, which the registry has as a package. */
function testsOn(version) {
  const node = ['--yes', `node@${version}`]
  const { stdout } = spawnSync('npx', [...node, '--version'], { encoding: 'utf8' })
  console.log(`Tests on Node ${stdout.trim()}`)
  run(
    'npx',
    [...node, `${root}node_modules/vitest/vitest.mjs`, 'run', 'packages', 'test/adapters', 'test/conformance'],
    `A test failed on Node ${version}.`,
  )
}
