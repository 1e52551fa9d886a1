import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { Folder, sluice } from './cli.js'

interface Parsed {
  readonly files: readonly {
    readonly format: string
    readonly entries: number
    readonly unreadable: number
    readonly samples: readonly string[]
  }[]
  readonly firstAt: number
  readonly lastAt: number
  readonly resolution: string
  readonly limits: readonly {
    readonly allowed: number
    readonly denied: number
    readonly unkeyed: number
    readonly topKeys: readonly { readonly key: string; readonly denied: number; readonly succeeded: number }[]
  }[]
}

/** Two requests of a key in a minute under a limit of one: the second is denied, and says whose it was. */
async function read(log: string | Buffer, ...options: readonly string[]): Promise<Parsed> {
  using folder = new Folder()
  const file = folder.write('access.log', log)
  const { stdout, stderr } = await sluice([
    'simulate',
    file,
    '--limit',
    '/search: 1/min',
    '--json',
    '--show-keys',
    ...options,
  ])
  expect(stderr).toBe('')
  return JSON.parse(stdout) as Parsed
}

function denial(parsed: Parsed) {
  return { format: parsed.files[0]?.format, key: parsed.limits[0]?.topKeys[0]?.key, denied: parsed.limits[0]?.denied }
}

const AT = Date.UTC(2026, 9, 10, 13, 55, 36)

/** A line of each format, twice: GET /search?q=1 at 13:55:36 UTC of 10 October 2026 from 203.0.113.7, 200. */
const LINES: readonly { readonly format: string; readonly lines: string; readonly at?: number }[] = [
  { format: 'common', lines: '203.0.113.7 - ann [10/Oct/2026:13:55:36 +0000] "GET /search?q=1 HTTP/1.1" 200 512' },
  {
    format: 'combined',
    lines:
      '203.0.113.7 - - [10/Oct/2026:15:55:36 +0200] "GET /search?q=1 HTTP/1.1" 200 512 "https://a.example/" "Mozilla/5.0 \\"x\\" [y]"',
  },
  {
    format: 'vcombined',
    lines:
      'api.example.com:443 203.0.113.7 - - [10/Oct/2026:13:55:36 +0000] "GET /search HTTP/2.0" 200 512 "-" "curl/8"',
  },
  {
    format: 'traefik',
    lines:
      '203.0.113.7 - - [10/Oct/2026:13:55:38 +0000] "GET /search HTTP/1.1" 200 512 "-" "curl/8" 17 "web@docker" "http://10.0.0.2:80" 2000ms',
  },
  {
    format: 'aws-alb',
    lines:
      'h2 2026-10-10T13:55:37.500000Z app/lb/50dc6c495c0c9188 203.0.113.7:2817 10.0.0.66:9000 0.000 1.500 0.000 200 200 257 587 ' +
      '"GET https://api.example.com:443/search?q=1 HTTP/2.0" "curl/7.46.0" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 arn:aws:x "Root=1-58" "-" "-"',
  },
  {
    format: 'cloudfront',
    lines:
      '#Version: 1.0\n#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) time-taken\n' +
      '2026-10-10\t13:55:38\tFRA2\t512\t203.0.113.7\tGET\td1.cloudfront.net\t/search\t200\t-\tMozilla/5.0%2520(X11)\t2.000',
  },
  {
    format: 'caddy',
    lines: JSON.stringify({
      level: 'info',
      ts: AT / 1_000 + 0.5,
      logger: 'http.log.access',
      msg: 'handled request',
      request: {
        remote_ip: '10.0.0.1',
        client_ip: '203.0.113.7',
        method: 'GET',
        host: 'a.example',
        uri: '/search?q=1',
        headers: { 'X-Api-Key': ['k'] },
      },
      duration: 0.5,
      size: 512,
      status: 200,
    }),
  },
  {
    format: 'traefik-json',
    lines: JSON.stringify({
      ClientHost: '203.0.113.7',
      StartUTC: '2026-10-10T13:55:36Z',
      Duration: 5_000_000,
      RequestMethod: 'GET',
      RequestPath: '/search?q=1',
      DownstreamStatus: 200,
      time: '2026-10-10T13:55:41Z',
    }),
  },
  {
    format: 'nginx-json',
    lines: JSON.stringify({
      time_iso8601: '2026-10-10T13:55:37+00:00',
      remote_addr: '203.0.113.7',
      request: 'GET /search?q=1 HTTP/1.1',
      status: '200',
      request_time: '1.000',
    }),
  },
  {
    format: 'jsonl',
    lines: JSON.stringify({
      level: 30,
      time: AT + 250,
      req: { method: 'GET', url: '/search?q=1', remoteAddress: '::ffff:203.0.113.7' },
      res: { statusCode: 200 },
      responseTime: 250,
    }),
  },
]

describe('access logs', () => {
  it.each(LINES)('of the format $format are detected and read', async ({ format, lines }) => {
    const last = lines.split('\n').at(-1)
    const parsed = await read(`${lines}\n${last}\n`)
    expect(denial(parsed)).toEqual({ format, key: '203.0.113.7', denied: 1 })
    expect({ entries: parsed.files[0]?.entries, unreadable: parsed.files[0]?.unreadable }).toEqual({
      entries: 2,
      unreadable: 0,
    })
    // Where the line has a duration, when the request began.
    expect(parsed.firstAt).toBe(AT)
  })

  it('of any log_format of nginx are read by it, with its variables as keys', async () => {
    const format = '$time_iso8601|$request_time|$remote_addr|$request_method $request_uri|$status|$http_x_api_key'
    const line = (key: string) => `2026-10-10T13:55:36+00:00|0.000|203.0.113.7|GET /search?x|200|${key}`
    const log = `${[line('abc'), line('abc'), line('def'), line('-')].join('\n')}\n`
    const parsed = await read(log, '--format', format, '--key', 'header:x-api-key')
    expect(denial(parsed)).toEqual({ format: 'log_format', key: 'abc', denied: 1 })
    expect(parsed.limits[0]).toMatchObject({ allowed: 2, unkeyed: 1 })
  })

  it('with lists that shift the columns behind them are still read', async () => {
    const format = '$remote_addr [$time_local] $upstream_addr "$request" $status'
    const line = '203.0.113.7 [10/Oct/2026:13:55:36 +0000] 10.0.0.1:80, 10.0.0.2:80 "GET /search HTTP/1.1" 200'
    expect(denial(await read(`${line}\n${line}\n`, '--format', format))).toMatchObject({
      key: '203.0.113.7',
      denied: 1,
    })
  })

  it('in CSV are read by the names of their columns, whatever is in quotes', async () => {
    const rows = '"2026-10-10T13:55:36Z",203.0.113.7,get,"/search","200","a ""b"",\nc"\n'
    const parsed = await read(`time,ip,method,path,status,note\n${rows}${rows}`)
    expect(denial(parsed)).toEqual({ format: 'csv', key: '203.0.113.7', denied: 1 })
    expect(parsed.files[0]).toMatchObject({ entries: 2, unreadable: 0 })
  })

  it('with names of their own are read by --map, and JSON paths are keys', async () => {
    const line = JSON.stringify({
      when: '2026-10-10 13:55:36',
      who: { id: 42, address: '203.0.113.7' },
      what: '/search',
      how: 'GET',
    })
    const map = ['--map', 'time=when,path=what', '--map', 'method=how', '--map', 'ip=who.address']
    expect(denial(await read(`${line}\n${line}\n`, ...map, '--key', 'json:.who.id'))).toMatchObject({
      key: '42',
      denied: 1,
    })
  })

  it('in CSV have headers where --map says so, and name their columns where it is wrong', async () => {
    const log = 'when,client,verb,url,code,apikey\r\n2026-10-10T13:55:36Z,203.0.113.7,GET,/search,200,k1\r\n'
    const columns = 'time=when,ip=client,method=verb,path=url,status=code'
    const row = log.split('\r\n')[1]
    const options = ['--map', columns, '--map', 'header:x-api-key=apikey', '--key', 'header:x-api-key']
    expect(denial(await read(`${log}${row}\r\n`, ...options))).toMatchObject({ format: 'csv', key: 'k1', denied: 1 })
    const wrong = await sluice(['simulate', '-', '--limit', '1/min', '--map', 'time=wen'], log)
    expect(wrong.stderr).toBe(
      "--map: there is no column 'wen' for time. The columns are: when, client, verb, url, code, apikey.\n",
    )
  })

  it('of another format than the one that was named are an error that shows a line', async () => {
    const line = '203.0.113.7 - - [10/Oct/2026:13:55:36 +0000] "GET /search HTTP/1.1" 200 512 "-" "-"\n'
    const { code, stderr } = await sluice(['simulate', '-', '--limit', '1/min', '--format', 'jsonl'], line)
    expect(code).toBe(2)
    expect(stderr).toContain('no line could be read as jsonl, such as: 203.0.113.7 - -')
  })

  it('that are compressed are read, whatever they are called', async () => {
    const line = '203.0.113.7 - - [10/Oct/2026:13:55:36 +0000] "GET /search HTTP/1.1" 200 512 "-" "-"\n'
    expect(denial(await read(gzipSync(line.repeat(2))))).toMatchObject({ format: 'combined', denied: 1 })
  })

  it('are read from standard input', async () => {
    const line = '203.0.113.7 - - [10/Oct/2026:13:55:36 +0000] "GET /search HTTP/1.1" 200 512 "-" "-"\n'
    const { stdout } = await sluice(['simulate', '-', '--limit', '1/min', '--json'], gzipSync(line.repeat(3)))
    expect((JSON.parse(stdout) as Parsed).limits[0]).toMatchObject({ allowed: 1, denied: 2 })
  })

  it('count and show lines that cannot be read, without obeying what is in them', async () => {
    const line = '203.0.113.7 - - [10/Oct/2026:13:55:36 +0000] "GET /search HTTP/1.1" 200 512 "-" "-"\n'
    const odd = [
      'garbage',
      '\u001b[2Jcleared',
      '1.2.3.4 - - [99/Foo/2026:00:00:00 +0000] "GET / HTTP/1.1" 200 1 "-" "-"',
      'x y '.repeat(3_000),
    ]
    const { files } = await read(line.repeat(9) + odd.join('\n'))
    expect(files[0]).toMatchObject({ entries: 9, unreadable: 4 })
    expect(files[0]?.samples.slice(0, 2)).toEqual(['garbage', '\uFFFD[2Jcleared'])
    expect(files[0]?.samples[3]).toHaveLength(161)
  })

  it('show no secrets in lines that cannot be read', async () => {
    const line = '203.0.113.7 - - [10/Oct/2026:13:55:36 +0000] "GET /search HTTP/1.1" 200 512 "-" "-"\n'
    const { files } = await read(`${line}${line}key=sk_live_0123456789abcdefghij broken\n`)
    expect(files[0]?.samples).toEqual(['key=… broken'])
  })

  it('with requests that are none still count for their client', async () => {
    const line = '203.0.113.7 - - [10/Oct/2026:13:55:36 +0000] "\\x16\\x03\\x01" 400 150 "-" "-"\n'
    const { stdout } = await sluice(['simulate', '-', '--limit', '1/min', '--json'], line.repeat(2))
    expect((JSON.parse(stdout) as Parsed).limits[0]).toMatchObject({ allowed: 1, denied: 1 })
  })

  it('in hostile lines take no longer than others', async () => {
    const line = `203.0.113.7 - - [10/Oct/2026:13:55:36 +0000] "GET /search HTTP/1.1" 200 512 "-" "-"\n`
    const hostile = `${'" "'.repeat(20_000)}\n${'] "'.repeat(20_000)}\n${'\\"'.repeat(20_000)}\n`
    const began = performance.now()
    const { files } = await read(line.repeat(60) + hostile.repeat(10))
    expect(files[0]).toMatchObject({ entries: 60, unreadable: 30 })
    expect(performance.now() - began).toBeLessThan(5_000)
  })

  it('that nothing reads are an error that shows the first line and how to name the format', async () => {
    const { code, stdout, stderr } = await sluice(
      ['simulate', '-', '--limit', '1/min'],
      'what is this\nI do not know\n',
    )
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain('no format reads its first lines. The first is: what is this')
    expect(stderr).toContain('--map time=when,ip=client')
  })

  it('that are cut off, have a byte order mark or several parts are read as far as they go', async () => {
    const line = '203.0.113.7 - - [10/Oct/2026:13:55:36 +0000] "GET /search HTTP/1.1" 200 512 "-" "-"\n'
    const whole = gzipSync(Array.from({ length: 5_000 }, (_, i) => line.replace('.7 ', `.${i % 250} `)).join(''))
    const { stdout, code } = await sluice(
      ['simulate', '-', '--limit', '1/min', '--json'],
      whole.subarray(0, whole.length - 20),
    )
    const cut = JSON.parse(stdout) as Parsed & { readonly notes: readonly string[] }
    expect(code).toBe(0)
    expect(cut.files[0]?.entries).toBeGreaterThan(1_000)
    expect(cut.notes.join()).toContain('is cut off')
    expect(denial(await read(`\uFEFF${line}${line}`))).toMatchObject({ key: '203.0.113.7', denied: 1 })
    expect(denial(await read(Buffer.concat([gzipSync(line), gzipSync(line)])))).toMatchObject({ denied: 1 })
  })

  it('that cannot be opened end the command with code 1', async () => {
    using folder = new Folder()
    expect(await sluice(['simulate', '/nowhere.log', '--limit', '1/min'])).toEqual({
      code: 1,
      stdout: '',
      stderr: '/nowhere.log: there is no such file.\n',
    })
    expect((await sluice(['simulate', folder.path, '--limit', '1/min'])).stderr).toContain('it is a directory')
    const broken = folder.write('broken.gz', Buffer.from([0x1f, 0x8b, 8, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]))
    expect((await sluice(['simulate', broken, '--limit', '1/min'])).code).toBe(1)
  })

  it('of a year are not all open at a time', async () => {
    using folder = new Folder()
    const day = (i: number) => new Date(AT + i * 86_400_000).toISOString()
    const files = Array.from({ length: 300 }, (_, i) =>
      folder.write(
        `${String((i * 7919) % 300).padStart(3, '0')}.log`,
        `${JSON.stringify({ time: day(i), ip: '203.0.113.7', path: '/' })}\n`,
      ),
    )
    // One a day passes: only in the order of time is nothing denied.
    const { stdout, stderr } = await sluice(['simulate', ...files.sort(), '--limit', '1/day', '--json'])
    expect(stderr).toBe('')
    expect(JSON.parse(stdout) as Parsed).toMatchObject({ firstAt: AT, limits: [{ allowed: 300, denied: 0 }] })
  })

  it('show on a terminal how far they are read, and remove that at the end', async () => {
    using folder = new Folder()
    const line = '203.0.113.7 - - [10/Oct/2026:13:55:36 +0000] "GET /search HTTP/1.1" 200 512 "-" "-"\n'
    const file = folder.write('access.log', line.repeat(50_000))
    const { stdout, stderr } = await sluice(['simulate', file, '--limit', '1/min'], '', true)
    expect(stderr).toContain('Reading')
    expect(stderr).toMatch(/of 4\.\d MB/)
    expect(stdout).not.toContain('Reading')
  })

  it('of several servers are merged by time', async () => {
    using folder = new Folder()
    const line = (second: number) =>
      `203.0.113.7 - - [10/Oct/2026:13:55:${String(second).padStart(2, '0')} +0000] "GET / HTTP/1.1" 200 1 "-" "-"`
    const seconds = Array.from({ length: 40 }, (_, i) => i)
    const one = folder.write(
      'one.log',
      `${seconds
        .filter((i) => i % 3 === 0)
        .map(line)
        .join('\n')}\n`,
    )
    const other = folder.write(
      'other.log',
      `${seconds
        .filter((i) => i % 3 !== 0)
        .map(line)
        .join('\n')}\n`,
    )
    // One a second passes: only in the order of time is nothing denied by a bucket of one.
    const { stdout } = await sluice(['simulate', one, other, '--limit', '60/min burst 1', '--json'])
    expect((JSON.parse(stdout) as Parsed).limits[0]).toMatchObject({ allowed: 40, denied: 0 })
  })

  it('of several servers that overlap for longer than a minute are merged by time', async () => {
    using folder = new Folder()
    const lines = (from: number) =>
      Array.from(
        { length: 180 },
        (_, i) =>
          `${JSON.stringify({ time: new Date(AT + from + i * 10_000).toISOString(), ip: '203.0.113.7', path: '/' })}\n`,
      )
    const [one, other] = [lines(0), lines(5_000)]
    const sorted = [...one, ...other].sort().join('')
    const count = async (...files: readonly string[]) => {
      const { stdout } = await sluice(['simulate', ...files, '--limit', '8/min', '--json'])
      const { limits } = JSON.parse(stdout) as Parsed
      return [limits[0]?.allowed, limits[0]?.denied]
    }
    const whole = await count(folder.write('whole.log', sorted))
    expect(whole).toEqual([240, 120])
    expect(await count(folder.write('one.log', one.join('')), folder.write('other.log', other.join('')))).toEqual(whole)
  })

  it('that have nothing but blank lines are empty', async () => {
    using folder = new Folder()
    const line = '203.0.113.7 - - [10/Oct/2026:13:55:36 +0000] "GET / HTTP/1.1" 200 1 "-" "-"\n'
    const files = [folder.write('blank.log', '\n\n  \n'), folder.write('access.log', line)]
    expect((await sluice(['simulate', ...files, '--limit', '1/min'])).code).toBe(0)
  })

  it('whose lines stand in the order in which requests ended are put into that in which they began', async () => {
    const line = (endedAt: number, seconds: number) =>
      JSON.stringify({
        time: new Date(AT + endedAt).toISOString(),
        ip: '203.0.113.7',
        method: 'GET',
        path: '/search',
        status: 200,
        request_time: seconds,
      })
    // The first began last.
    const { stdout } = await sluice(
      ['simulate', '-', '--limit', '60/min burst 1', '--json'],
      `${line(2_000, 0)}\n${line(2_100, 2.1)}\n`,
    )
    expect(JSON.parse(stdout) as Parsed).toMatchObject({
      firstAt: AT,
      lastAt: AT + 2_000,
      limits: [{ allowed: 2, denied: 0 }],
    })
  })
})
