// The tests want a real Redis: REDIS_URL, redis-server on the PATH, or what apt-get brings.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { fail } from './bootstrap.mjs'
import { answers, installs } from './debian.mjs'

const WAYS =
  'The tests need a Redis, and none was found: install redis-server (apt-get install redis-server, brew install redis) ' +
  'so that it is on the PATH, or set REDIS_URL=redis://host:6379 to one that may be written to.'

/** Ends this process with a sentence when there is no way to a Redis. Tells whether tests can start servers of their own. */
export function ensureRedis() {
  if (answers('redis-server') || installs('redis-server', 'redis-server')) return true
  if (process.env.REDIS_URL === undefined) fail(WAYS)
  console.log(
    'Redis: REDIS_URL. Left out, since they start, count, kill and pause servers of their own and there is no ' +
      "redis-server on the PATH: test/faults, the examples over stores, and the Redis store's names and calls.",
  )
  return false
}

/** A Redis on a free port, which keeps nothing. */
export async function startRedis() {
  const probe = createServer().listen(0)
  await once(probe, 'listening')
  const { port } = probe.address()
  probe.close()
  const server = spawn('redis-server', ['--port', `${port}`, '--save', '', '--appendonly', 'no'], { stdio: 'ignore' })
  while (!(await listens(port))) await new Promise((resolve) => setTimeout(resolve, 20))
  return { url: `redis://127.0.0.1:${port}`, stop: () => server.kill() }
}

async function listens(port) {
  const socket = connect(port, '127.0.0.1')
  const answered = await once(socket, 'connect').then(
    () => true,
    () => false,
  )
  socket.destroy()
  return answered
}
