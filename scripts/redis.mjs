// The tests want a real Redis: REDIS_URL, redis-server on the PATH, or what apt-get brings.
import { spawnSync } from 'node:child_process'
import { fail } from './bootstrap.mjs'

const WAYS =
  'The tests need a Redis, and none was found: install redis-server (apt-get install redis-server, brew install redis) ' +
  'so that it is on the PATH, or set REDIS_URL=redis://host:6379 to one that may be written to.'

/** Ends this process with a sentence when there is no way to a Redis. Tells whether tests can start servers of their own. */
export function ensureRedis() {
  if (answers('redis-server') || installed()) return true
  if (process.env.REDIS_URL === undefined) fail(WAYS)
  console.log(
    'Redis: REDIS_URL. Left out, since they start, kill and pause servers of their own and there is no redis-server ' +
      'on the PATH: the tests of Cluster, Sentinel and faults.',
  )
  return false
}

function installed() {
  if (process.platform !== 'linux' || process.getuid?.() !== 0 || !answers('apt-get')) return false
  console.log('Installing redis-server for the tests (apt-get, only now) …')
  const quiet = { stdio: 'ignore', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } }
  spawnSync('apt-get', ['update'], quiet)
  spawnSync('apt-get', ['install', '--yes', '--no-install-recommends', 'redis-server'], quiet)
  return answers('redis-server')
}

function answers(command) {
  return spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0
}
