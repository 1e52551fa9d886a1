// What users get: the packed tarballs, checked and installed with plain npm into apps; the site with its reference; and the tests again on the other Node versions.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { bootstrap, fail, pnpm, root, run, tool } from './bootstrap.mjs'
import { checkBundlers } from './installed/bundlers.mjs'
import { checkTypes } from './installed/compilers.mjs'
import { checkJest } from './installed/jest.mjs'
import { checkRunners } from './installed/runners.mjs'
import { ensureRedis, startRedis } from './redis.mjs'

const OTHER_NODES = [22, 24, 26]

bootstrap()
if (!ensureRedis()) fail('The packages are checked on a Redis of their own: redis-server must be on the PATH.')
const place = mkdtempSync(join(tmpdir(), 'sluice-'))
try {
  const tarballs = pack()
  for (const tarball of tarballs) checkTarball(tarball)
  checkReadmes()
  refusesToPublish()
  await answersInAnEmptyApp(tarballs)
  await checkTypes(place, tarballs)
  const redis = await startRedis()
  try {
    await checkJest(place, tarballs, { SLUICE_STORE: redis.url })
    await checkRunners(place, tarballs, { SLUICE_STORE: redis.url })
    await checkBundlers(place, tarballs, { SLUICE_STORE: redis.url })
  } finally {
    redis.stop()
  }
  run(tool('typedoc'), [], 'The reference does not build without a warning.')
  run(tool('vitepress'), ['build', 'docs'], 'The site does not build, or a link in it is dead.')
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
  run(tool('attw'), [tarball], `The types of ${tarball} are wrong.`)
}

/** A package's page shows its README without the files around it. */
function checkReadmes() {
  for (const name of readdirSync(`${root}packages`)) {
    const [link] = /\]\((?!https?:|#)[^)]*\)/.exec(readFileSync(`${root}packages/${name}/README.md`, 'utf8')) ?? []
    if (link !== undefined) fail(`packages/${name}/README.md has a relative link, ${link}, which leads nowhere on npm.`)
  }
}

/** Until the project says where it lives, nothing is published. */
function refusesToPublish() {
  const { repository, homepage, bugs } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))
  if (repository !== undefined && homepage !== undefined && bugs !== undefined) return
  const { status, stderr } = spawnSync(process.execPath, [`${root}scripts/release.mjs`], { encoding: 'utf8' })
  if (status === 0 || !stderr.includes('Not packed for publishing'))
    fail(`scripts/release.mjs packed all the same:\n${stderr}`)
}

/** As a user would: npm init, npm install, one line a route; imported, and required. */
async function answersInAnEmptyApp(tarballs) {
  const app = join(place, 'app')
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error', '--prefix', app]
  const [frameworks, clients] = [
    ['express@5', 'koa@3', 'fastify@5'],
    ['ioredis@6', '@upstash/redis@1'],
  ]
  const without = tarballs.filter((tarball) => !/sluice-(redis|upstash)-/.test(tarball))
  run('npm', ['install', ...quiet, ...without, ...frameworks], 'The tarballs do not install.')
  const express = (load) => `${load}
    const limit = sluice({ store: process.env.SLUICE_STORE })
    const app = express().get('/', limit('1/min', { name: 'home' }), (req, res) => res.send('ok'))
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
  const files = ['imported.mjs', 'required.cjs'].map((file) => join(app, file))
  for (const file of files) await answers(file, {}, '200,429')
  cpSync(`${root}test/installed/shared/one-instance.mjs`, join(app, 'one-instance.mjs'))
  run(process.execPath, [join(app, 'one-instance.mjs')], 'import and require have two instances of core.')
  for (const [url, name] of [
    ['redis://localhost', '@sluice/redis ioredis'],
    ['upstash:', '@sluice/upstash @upstash/redis'],
  ]) {
    for (const file of files) refuses(file, { SLUICE_STORE: url }, `Run: npm install ${name}`)
  }
  run('npm', ['install', ...quiet, ...tarballs, ...clients], 'The store packages do not install.')
  const redis = await startRedis()
  // Two processes, one limit: the second finds it used up by the first.
  await answers(files[0], { SLUICE_STORE: redis.url }, '200,429')
  await answers(files[1], { SLUICE_STORE: redis.url }, '429,429')
  redis.stop()
}

function refuses(file, env, sentence) {
  const { stderr, status } = spawnSync(process.execPath, [file], inItsFolder(file, env))
  if (status === 0 || !stderr.includes(sentence)) fail(`${file} did not say "${sentence}":\n${stderr}`)
  console.log(`${file}: ${env.SLUICE_STORE} says "${sentence}"`)
}

/** As a user starts it: a package is also looked for where the app is run. */
function inItsFolder(file, env) {
  return { cwd: dirname(file), env: { ...process.env, ...env }, encoding: 'utf8', timeout: 20_000 }
}

async function answers(file, env, expected) {
  const child = spawn(process.execPath, [file], { ...inItsFolder(file, env), stdio: ['ignore', 'pipe', 'pipe'] })
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
  if (complaint !== '' || statuses.join() !== expected) fail(`${file} answered [${statuses}]\n${complaint}`)
  console.log(`${file}: ${env.SLUICE_STORE ?? 'memory'} answers ${expected}`)
}

/** Tests of what depends on Node.js, on another one, which the registry has as a package. */
function testsOn(version) {
  const node = ['--yes', `node@${version}`]
  const { stdout } = spawnSync('npx', [...node, '--version'], { encoding: 'utf8' })
  console.log(`Tests on Node ${stdout.trim()}`)
  const client = ['endings', 'odd-servers', 'sdks', 'undici'].map((name) => `test/client/${name}`)
  // Whole servers on the newest; npm test has had them on the oldest.
  const servers = version === OTHER_NODES.at(-1) ? ['test/conformance', ...client] : []
  run(
    'npx',
    [...node, `${root}node_modules/vitest/vitest.mjs`, 'run', 'packages', 'test/adapters', ...servers],
    `A test failed on Node ${version}.`,
  )
}
