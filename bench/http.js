import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { inTurns, median } from './measure.js'

const ROUNDS = 15
const SECONDS = 1
const server = fileURLToPath(new URL('server.js', import.meta.url))

export const contenders = {
  express: ['bare', 'two fields', 'sluice', 'express-rate-limit', 'rate-limiter-flexible'],
  koa: ['bare', 'two fields', 'sluice', 'koa-ratelimit'],
  fastify: ['bare', 'two fields', 'sluice', '@fastify/rate-limit'],
}

/** Requests a second through each framework, 32 connections, each beside the bare app of the same round. */
export async function http() {
  if (spawnSync('wrk', ['--version']).error !== undefined) {
    console.log('Needs wrk to make the load: apt-get install wrk')
    return []
  }
  const rows = []
  for (const [framework, limiters] of Object.entries(contenders)) {
    const running = await started(framework, limiters)
    for (const one of Object.values(running)) await load(one.url, 1)
    const seen = await inTurns(running, ROUNDS, measured)
    for (const limiter of limiters) {
      const rates = seen[limiter].map(({ rate }) => rate)
      const costs = seen[limiter].map(({ cpuMicros }) => cpuMicros)
      rows.push({
        framework,
        limiter,
        'requests/s': Math.round(median(rates)),
        'of bare': share(rates.map((rate, round) => rate / seen.bare[round].rate)),
        'CPU µs a request': Number(median(costs).toFixed(1)),
        'CPU of bare / CPU': share(costs.map((cost, round) => seen.bare[round].cpuMicros / cost)),
      })
    }
    closeAll(running)
  }
  return rows
}

/** A server of this framework for each limiter, in a process of its own. */
export async function started(framework, limiters) {
  const running = {}
  for (const limiter of limiters) running[limiter] = await start(framework, limiter)
  return running
}

export function closeAll(running) {
  for (const { child } of Object.values(running)) child.kill()
}

const share = (ratios) => Number(median(ratios).toFixed(3))

/** What wrk saw, and what the server spent on it: the second is what a noisy machine disturbs less. */
async function measured({ ask, url }) {
  const before = await ask('cpu')
  const rate = await load(url, SECONDS)
  const after = await ask('cpu')
  return { rate, cpuMicros: (after - before) / (rate * SECONDS) }
}

async function start(framework, limiter) {
  const child = spawn(process.execPath, [server, framework, limiter], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
  const [port] = await once(createInterface(child.stdout), 'line')
  const ask = async (message) => {
    child.send(message)
    const [answer] = await once(child, 'message')
    return answer
  }
  return { child, ask, url: `http://127.0.0.1:${port}/` }
}

async function load(url, seconds) {
  const wrk = spawn('wrk', ['-t1', '-c32', `-d${seconds}s`, url])
  let report = ''
  wrk.stdout.on('data', (chunk) => {
    report += chunk
  })
  await once(wrk, 'close')
  if (/Non-2xx|Socket errors/.test(report)) throw new Error(report)
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(report)?.[1])
}
