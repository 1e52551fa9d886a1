// Makes access.log.gz: a day and an hour of an API with 320 users, a few at an office with one address, and three attackers.
// Nobody's traffic: all addresses are from ranges for documentation and private networks.
import { writeFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

const HOUR = 3_600_000
const START = Date.UTC(2026, 9, 10)
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const AGENTS = ['Mozilla/5.0 (X11; Linux x86_64)', 'Mozilla/5.0 (iPhone)', 'okhttp/4.12.0', 'python-requests/2.32']

let state = 20_261_010
/** A number from 0 to 1, the same in every run. */
const random = () => {
  state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
  return state / 2 ** 32
}
const one = (list) => list[Math.floor(random() * list.length)]

const lines = []

/** A request, as nginx logs it at its end. */
function request(at, ip, method, path, status, agent) {
  const date = new Date(at)
  const two = (value) => String(value).padStart(2, '0')
  const day = `${two(date.getUTCDate())}/${MONTHS[date.getUTCMonth()]}/${date.getUTCFullYear()}`
  const time = `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`
  const bytes = 200 + Math.floor(random() * 4_000)
  lines.push([at, `${ip} - - [${day}:${time} +0000] "${method} ${path} HTTP/1.1" ${status} ${bytes} "-" "${agent}"`])
}

for (let user = 0; user < 320; user++) {
  const ip = user < 20 ? '203.0.113.40' : `10.0.${user >> 8}.${user & 255}`
  const agent = one(AGENTS)
  const visits = 1 + Math.floor(random() * 4)
  for (let visit = 0; visit < visits; visit++) {
    // Most come by day.
    let at = START + (6 + 14 * random() + (random() < 0.15 ? 5 * random() : 0)) * HOUR
    if (random() < 0.5) request(at, ip, 'POST', '/login', random() < 0.85 ? 200 : 401, agent)
    const pages = 2 + Math.floor(random() * 10)
    for (let page = 0; page < pages; page++) {
      at += 800 + random() * 9_000
      const path = one(['/search?q=tea', '/search?q=coffee', `/items/${Math.floor(random() * 500)}`, '/'])
      request(at, ip, 'GET', path, random() < 0.97 ? 200 : 404, agent)
    }
  }
}
request(START, '10.0.0.20', 'GET', '/', 200, AGENTS[0])
request(START + 25 * HOUR, '10.0.0.21', 'GET', '/', 200, AGENTS[0])

/** Many requests in a row. */
function attack(ip, hour, count, gapMs, method, path, status, agent) {
  let at = START + hour * HOUR
  for (let i = 0; i < count; i++) {
    at += gapMs * (0.5 + random())
    request(at, ip, method, typeof path === 'function' ? path() : path, status, agent)
  }
}
attack('198.51.100.7', 3, 1_200, 700, 'POST', '/login', 401, 'python-requests/2.32')
attack('198.51.100.23', 11, 1_800, 250, 'GET', () => `/items/${Math.floor(random() * 500)}`, 200, 'curl/8.5.0')
attack('2001:db8:77::9', 16, 500, 300, 'GET', '/search?q=%27%20OR%201=1', 404, 'sqlmap/1.8')

lines.sort(([a], [b]) => a - b)
const text = `${lines.map(([, line]) => line).join('\n')}\n`
// A line that was cut off, as it happens.
writeFileSync(
  new URL('access.log.gz', import.meta.url),
  gzipSync(`${text}10.0.0.9 - - [11/Oct/2026:01:0`, { level: 9 }),
)
console.log(`${lines.length} requests.`)
