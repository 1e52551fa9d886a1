// Asks a server so many times a second, without waiting for answers; reports what came between warmUpMs and forMs.
import { Agent, get } from 'node:http'

const { port, perSecond, warmUpMs, forMs } = JSON.parse(process.argv[2] ?? '{}')
const agent = new Agent({ keepAlive: true, maxFreeSockets: 4_096 })
const [latencies, refusals] = [[], []]
let failures = 0

function ask(startedAt) {
  const askedAt = performance.now()
  get({ port, agent }, (response) => {
    response.resume().once('end', () => {
      const now = performance.now()
      if (now < startedAt + warmUpMs || now > startedAt + forMs) return
      const answers = response.statusCode === 200 ? latencies : refusals
      answers.push(now - askedAt)
    })
  }).once('error', () => failures++)
}

function p99(times) {
  return times.sort((a, b) => a - b)[Math.floor(times.length * 0.99)] ?? 0
}

const startedAt = performance.now()
let dueAt = startedAt
const timer = setInterval(() => {
  const now = performance.now()
  while (dueAt < now) {
    ask(startedAt)
    dueAt -= (Math.log(1 - Math.random()) * 1_000) / perSecond
  }
  if (now < startedAt + forMs) return
  clearInterval(timer)
  const report = {
    perSecond: (latencies.length * 1_000) / (forMs - warmUpMs),
    p99Ms: p99(latencies),
    refused: refusals.length,
    refusedP99Ms: p99(refusals),
    failures,
  }
  process.send?.(report, () => process.exit())
}, 1)
