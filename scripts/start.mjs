// `npm start`: the example server, and what a client of it sees. `--once` ends after the burst.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { bootstrap, fail, root } from './bootstrap.mjs'

bootstrap()

const port = process.env.PORT ?? '3000'
const server = spawn(process.execPath, [`${root}examples/express/server.js`], {
  env: { ...process.env, PORT: port },
  stdio: ['ignore', 'pipe', 'pipe'],
})
const url = await listening(server)

console.log(`An Express API with limits, on ${url} (examples/express/server.js)\n`)
await burst('POST /login, 5/min, wrong password each time', 7, () =>
  fetch(`${url}/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"password":"wrong"}',
  }),
)
await burst('GET /burst, 5/s with a burst of 10', 12, () => fetch(`${url}/burst`))

if (process.argv.includes('--once')) {
  server.kill()
} else {
  console.log(`The dashboard is at ${url}/_sluice/: a little traffic runs, so that there is something to see.

The server stays up. Try, and stop with Ctrl-C:
  curl -i ${url}/search
  curl -i -H 'x-api-key: pro-1' '${url}/cost?units=60'
  curl -s -w '%{time_total} s\\n' '${url}/smooth?[1-5]'

What a limit would have denied of yesterday's requests, by a sample log:
  npx sluice simulate examples/simulate/access.log.gz --limit '60/min' --limit 'POST /login: 5/15min'`)
  setInterval(traffic, 500)
}

/** A few requests of a few clients, some of whom ask for more than they may. */
function traffic() {
  const paths = ['/search', '/burst', '/cost?units=7', '/plan', '/quota', '/export?ms=300', '/ban']
  for (const path of paths) {
    for (const client of ['ann', 'bob', 'pro-carl', 'dora']) {
      if (Math.random() > 0.2) continue
      const headers = { 'x-api-key': client }
      fetch(`${url}${path}`, { headers }).then(
        (response) => response.arrayBuffer(),
        () => undefined,
      )
    }
  }
}

async function burst(title, count, send) {
  console.log(title)
  let shown = false
  for (let request = 1; request <= count; request++) {
    const response = await send()
    const fields = ['RateLimit', 'Retry-After'].flatMap((name) => {
      const value = response.headers.get(name)
      return value === null ? [] : [`${name}: ${value}`]
    })
    console.log(`${String(request).padStart(4)}  ${response.status}  ${fields.join('   ')}`)
    const body = await response.text()
    if (response.status === 429 && !shown) {
      shown = true
      console.log(JSON.stringify(JSON.parse(body), null, 2).replace(/^/gm, '        '))
    }
  }
  console.log()
}

/** The server's address, once it says it; its own words when it cannot start. */
async function listening(child) {
  let complaint = ''
  child.stderr.on('data', (chunk) => {
    complaint += chunk
    if (child.pid !== undefined && started) process.stderr.write(chunk)
  })
  let started = false
  child.once('exit', (code) => {
    if (started) process.exit(code ?? 0)
    if (complaint.includes('EADDRINUSE')) fail(`Port ${port} is in use. Choose another: PORT=3001 npm start`)
    fail(`The example server did not start:\n${complaint}`)
  })
  process.once('SIGINT', () => child.kill())
  process.once('SIGTERM', () => child.kill())
  const [line] = await once(createInterface(child.stdout), 'line')
  started = true
  return line.replace('Listening on ', '')
}
