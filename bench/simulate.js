import { execFile } from 'node:child_process'
import { createReadStream, createWriteStream, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createGzip } from 'node:zlib'
import { inTurns, median } from './measure.js'

const run = promisify(execFile)
const cli = fileURLToPath(new URL('../packages/cli/dist/cli.js', import.meta.url))

const LINES = 1_000_000
const ROUNDS = 3
const FOUR = ['100/min', '1000/hour', '300/10min', '5000/day']

/** 290 requests a second, as of a server whose log grows by five gigabytes a day. */
const SPAN_MS = 3_450_000

/** With a window below a minute: as the log has whole seconds, every request is replayed for it a second time. */
const FOUR_AND_SECONDS = [...FOUR.slice(0, 3), '10/s']

/** Says, at its end, how much memory a process held at most. */
const PEAK = 'data:text/javascript,process.on("exit",()=>process._rawDebug("peak "+process.resourceUsage().maxRSS))'

/** Lines a second of `sluice simulate`, as a whole process, and what it held. */
export async function simulate() {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'))
  try {
    const files = await logs(folder)
    const contenders = {
      'combined, 4 limits': [files.combined, FOUR],
      'combined, 1 limit': [files.combined, ['100/min']],
      'combined, 4 limits, one below a minute': [files.combined, FOUR_AND_SECONDS],
      'combined by gzip, 4 limits': [files.gzip, FOUR],
      'JSON, 4 limits': [files.json, FOUR],
      'CSV, 4 limits': [files.csv, FOUR],
      'combined, 4 limits, of which one denies most': [files.combined, [...FOUR.slice(0, 3), '5/15min']],
      'combined, a key for every third line, 4 limits': [files.keys, FOUR],
      'combined, of a whole day, 4 limits': [files.day, FOUR],
    }
    const seen = await inTurns(contenders, ROUNDS, timed)
    return Object.entries(seen).map(([what, rounds]) => ({
      what,
      'lines a second': Math.round(median(rounds.map(({ linesPerSecond }) => linesPerSecond))),
      'peak MB': Math.round(median(rounds.map(({ megabytes }) => megabytes))),
      keys: rounds[0].keys,
    }))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function timed([file, limits]) {
  const began = performance.now()
  const args = ['--import', PEAK, cli, 'simulate', file, '--json', ...limits.flatMap((limit) => ['--limit', limit])]
  const { stdout, stderr } = await run(process.execPath, args, { maxBuffer: 1 << 26 })
  const seconds = (performance.now() - began) / 1_000
  const { entries, limits: results } = JSON.parse(stdout)
  if (entries !== LINES) throw new Error(`${entries} of ${LINES} lines were read.`)
  const [, kilobytes] = /peak (\d+)/.exec(stderr)
  return { linesPerSecond: entries / seconds, megabytes: Number(kilobytes) / 1_024, keys: results[0].keys }
}

async function logs(folder) {
  const files = Object.fromEntries(
    ['combined', 'json', 'csv', 'keys', 'day', 'gzip'].map((name) => [name, join(folder, name)]),
  )
  await write(files.combined, combined, 5_000)
  await write(files.json, json, 5_000)
  await write(files.csv, csv, 5_000)
  await write(files.keys, combined, LINES / 3)
  await write(files.day, combined, 5_000, 86_400_000)
  await pipeline(createReadStream(files.combined), createGzip({ level: 6 }), createWriteStream(files.gzip))
  console.log(`A log of ${LINES} lines, ${Math.round(statSync(files.combined).size / 1e6)} MB in the combined format.`)
  return files
}

const PATHS = ['/', '/search?q=tea', '/login', '/users/17', '/orders', '/static/app.js', '/health']

/** Requests of so many clients, some of whom ask far more often than others. */
async function write(file, lineOf, clients, spanMs = SPAN_MS) {
  const out = createWriteStream(file)
  let state = 7
  const random = () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return state / 2 ** 32
  }
  const start = Date.UTC(2026, 9, 10)
  let text = lineOf === csv ? 'time,ip,method,path,status,user_agent\n' : ''
  for (let i = 0; i < LINES; i++) {
    const client = Math.floor(random() * random() * clients)
    const ip = `10.${client >> 16}.${(client >> 8) & 255}.${client & 255}`
    const at = start + Math.floor((i * spanMs) / LINES)
    text += lineOf(at, ip, PATHS[Math.floor(random() * PATHS.length)], random() < 0.9 ? 200 : 404)
    if (text.length < 1 << 20) continue
    if (!out.write(text)) await new Promise((resolve) => out.once('drain', resolve))
    text = ''
  }
  await new Promise((resolve) => out.end(text, resolve))
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const AGENT = 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0'

function combined(at, ip, path, status) {
  const [year, month, day, time] = new Date(at).toISOString().split(/[-T.]/)
  const date = `${day}/${MONTHS[month - 1]}/${year}:${time} +0000`
  return `${ip} - - [${date}] "GET ${path} HTTP/1.1" ${status} 1234 "https://example.com/" "${AGENT}"\n`
}

function json(at, ip, path, status) {
  return `${JSON.stringify({ time: new Date(at).toISOString(), ip, method: 'GET', path, status, userAgent: AGENT })}\n`
}

function csv(at, ip, path, status) {
  return `${new Date(at).toISOString()},${ip},GET,${path},${status},"${AGENT}"\n`
}
