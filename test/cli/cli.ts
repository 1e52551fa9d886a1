import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'

/** The built command, as packages export it: nothing of it can be imported by its name. */
const program: string = new URL('../../packages/cli/dist/program.js', import.meta.url).href
const { run } = (await import(program)) as typeof import('../../packages/cli/src/program.ts')

const cli = fileURLToPath(new URL('../../packages/cli/dist/cli.js', import.meta.url))

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a command line of `sluice` in this process, and gives it `input`: starting another takes longer than most commands. */
export async function sluice(args: readonly string[], input: string | Buffer = '', isTTY = false): Promise<Ended> {
  const [stdout, stderr] = [new Collected(), Object.assign(new Collected(), { isTTY })]
  const code = await run(args, { stdin: Readable.from([Buffer.from(input)]), stdout, stderr })
  return { code, stdout: stdout.text, stderr: stderr.text }
}

class Collected extends Writable {
  text = ''

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk.toString('utf8')
    done()
  }
}

/** The same as a process of its own, as users do it. */
export function sluiceProcess(args: readonly string[], input?: string | Buffer, cwd?: string): Promise<Ended> {
  const child = spawn(process.execPath, [cli, ...args], { stdio: ['pipe', 'pipe', 'pipe'], cwd })
  child.stdin.end(input)
  return endOf(child)
}

/** Runs `sluice`, and interrupts it, as Ctrl-C does, once it has printed something. */
export function interrupted(args: readonly string[], cwd: string): Promise<Ended> {
  const child = spawn(process.execPath, [cli, ...args], { stdio: ['pipe', 'pipe', 'pipe'], cwd })
  child.stdout.once('data', () => child.kill('SIGINT'))
  return endOf(child)
}

function endOf(child: ChildProcessWithoutNullStreams): Promise<Ended> {
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  // A command that needs no input may end before it has read any.
  child.stdin.on('error', () => undefined)
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })))
}

/** A folder for the files of a test, which is removed with it. */
export class Folder implements Disposable {
  readonly path: string = mkdtempSync(join(tmpdir(), 'sluice-cli-'))

  write(name: string, contents: string | Buffer): string {
    const file = join(this.path, name)
    writeFileSync(file, contents)
    return file
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

export interface Line {
  readonly at: number
  readonly ip?: string
  readonly method?: string
  readonly path?: string
  readonly status?: number
  readonly agent?: string
}

/** A line of the combined format, in UTC. */
export function combinedLine({
  at,
  ip = '192.0.2.1',
  method = 'GET',
  path = '/',
  status = 200,
  agent = 'Mozilla/5.0',
}: Line): string {
  const date = new Date(at)
  const two = (value: number): string => String(value).padStart(2, '0')
  const day = `${two(date.getUTCDate())}/${MONTHS[date.getUTCMonth()]}/${date.getUTCFullYear()}`
  const time = `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`
  return `${ip} - - [${day}:${time} +0000] "${method} ${path} HTTP/1.1" ${status} 512 "-" "${agent}"`
}

/** A line of JSON with milliseconds. */
export function jsonLine({ at, ip = '192.0.2.1', method = 'GET', path = '/', status = 200 }: Line): string {
  return JSON.stringify({ time: new Date(at).toISOString(), ip, method, path, status })
}

/** Numbers from 0 to 1 that are the same in every run. */
export function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return state / 2 ** 32
  }
}

export const START = Date.UTC(2026, 9, 10)

/** A day of users who read pages, and three attackers: one guesses passwords, two scrape. */
export function plantedDay(): readonly Line[] {
  const random = randomFrom(11)
  const lines: Line[] = []
  for (let user = 0; user < 300; user++) {
    const ip = `10.0.${user >> 8}.${user & 255}`
    for (let visit = 0; visit < 1 + Math.floor(random() * 5); visit++) {
      let at = START + random() * 25 * 3_600_000
      for (let page = 0; page < 3 + Math.floor(random() * 9); page++) {
        const path = ['/', '/search', `/items/${Math.floor(random() * 999)}`][Math.floor(random() * 3)] ?? '/'
        lines.push({ at: Math.floor(at), ip, path })
        at += 1_000 + random() * 8_000
      }
    }
  }
  const attack = (ip: string, method: string, path: string, status: number, count: number): void => {
    let at = START + 5 * 3_600_000
    for (let i = 0; i < count; i++) {
      lines.push({ at: Math.floor(at), ip, method, path, status })
      at += random() * 200
    }
  }
  attack('198.51.100.1', 'POST', '/login', 401, 2_000)
  attack('198.51.100.2', 'GET', '/items/9', 200, 3_000)
  attack('198.51.100.3', 'GET', '/search', 200, 1_500)
  return lines.sort((one, other) => one.at - other.at)
}

export const ATTACKERS: readonly string[] = ['198.51.100.1', '198.51.100.2', '198.51.100.3']
