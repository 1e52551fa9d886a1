import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer, type RequestListener, type Server } from 'node:http'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

/** An example server over one major of its framework; the older ones are installed under another name. */
export interface Framework {
  readonly title: string
  readonly example: string
  readonly module: string
}

export interface Running {
  readonly url: string
  stop(): Promise<void>
}

/** What an example server finds in its environment: which store it is to use. */
export type Environment = Readonly<Record<string, string>>

/** Runs an example server on a port of its own, over the framework's version asked for. */
export async function startExample({ example, module }: Framework, environment: Environment = {}): Promise<Running> {
  const path = module === example ? `${root}examples/${example}/server.js` : await withModule(example, module)
  const child = spawn(process.execPath, [path], {
    env: { ...process.env, ...environment, PORT: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let complaint = ''
  child.stderr.on('data', (chunk) => {
    complaint += chunk
  })
  const ended = once(child, 'exit').then(() => {
    throw new Error(`${path} did not start:\n${complaint}`)
  })
  const [line] = (await Promise.race([once(createInterface(child.stdout), 'line'), ended])) as [string]
  ended.catch(() => undefined)
  return {
    url: line.replace('Listening on ', '').replace('localhost', '127.0.0.1'),
    async stop() {
      child.kill()
      await once(child, 'exit')
    },
  }
}

/** The same server file, its framework imported under another name. */
async function withModule(example: string, module: string): Promise<string> {
  const source = await readFile(`${root}examples/${example}/server.js`, 'utf8')
  const path = `${root}test/.generated/${module}.js`
  await mkdir(`${root}test/.generated`, { recursive: true })
  await writeFile(path, source.replace(`from '${example}'`, `from '${module}'`))
  return path
}

/** A server on a port of its own, on this machine only. */
export async function listening(listener: RequestListener): Promise<Server> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}
