import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { UsageByPolicy } from '@sluice/core'

/** What a server process is told to limit by. */
export interface Setup {
  readonly url: string
  readonly prefix: string
  readonly policies: readonly (readonly [kind: string, text: string, options?: object])[]
  readonly rememberDenials?: boolean
  readonly timeoutMs?: number
  readonly onStoreError?: 'allow' | 'deny' | 'local'
  readonly warnAt?: readonly number[]
  /** How far this process's own clocks are ahead of the machine's. */
  readonly clockAheadMs?: number
}

export interface Crowd {
  readonly allowed: number
  readonly degraded: number
  readonly remaining: readonly number[]
}

export interface Load {
  readonly decisions: number
  readonly allowed: number
  readonly degraded: number
  readonly failures: readonly string[]
  readonly slowestMs: number
  readonly longestStallMs: number
  readonly lastDegraded: boolean
  readonly events: readonly string[]
}

export interface Delivered {
  readonly counted: number
  /** By id, what a caller was told remains. */
  readonly answers: Readonly<Record<string, number>>
}

/** One of several processes that share a store. */
export interface ServerProcess {
  crowd(asked: { key: string; count: number; cost?: number }): Promise<Crowd>
  load(asked: { ms: number; clients: number; keys: number }): Promise<Load>
  deliver(asked: { key: string; ids: readonly string[]; times: number; cost?: number }): Promise<Delivered>
  crossings(): Promise<number[]>
  usage(key: string): Promise<UsageByPolicy>
  override(key: string, to: 'blocked' | 'unlimited' | undefined): Promise<void>
  untilAllowed(asked: { key: string; allowed: boolean; waitMs: number }): Promise<number>
  events(): Promise<string[]>
  kill(signal?: NodeJS.Signals): Promise<void>
}

const worker = fileURLToPath(new URL('worker.mjs', import.meta.url))

export async function startProcess(setup: Setup, environment: NodeJS.ProcessEnv = {}): Promise<ServerProcess> {
  const child = fork(worker, [JSON.stringify(setup)], {
    execArgv: [],
    env: { ...process.env, ...environment },
  })
  await Promise.race([once(child, 'message'), once(child, 'exit').then(() => Promise.reject(new Error('no start')))])
  let asked = 0
  const ask = async (task: string, rest: object = {}) => {
    const id = asked++
    child.send({ id, task, ...rest })
    return answerTo(child, id)
  }
  return {
    crowd: (rest) => ask('crowd', rest) as Promise<Crowd>,
    load: (rest) => ask('load', rest) as Promise<Load>,
    deliver: (rest) => ask('deliver', rest) as Promise<Delivered>,
    crossings: () => ask('crossings') as Promise<number[]>,
    usage: (key) => ask('usage', { key }) as Promise<UsageByPolicy>,
    override: (key, to) => ask('override', { key, to }) as Promise<void>,
    untilAllowed: (rest) => ask('untilAllowed', rest) as Promise<number>,
    events: () => ask('events') as Promise<string[]>,
    async kill(signal = 'SIGKILL') {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill(signal)
      await once(child, 'exit')
    },
  }
}

function answerTo(child: ChildProcess, id: number): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const end = () => reject(new Error('the process ended'))
    const listen = (message: { id?: number; result?: unknown; error?: string }) => {
      if (message.id !== id) return
      child.off('message', listen)
      child.off('exit', end)
      if (message.error === undefined) resolve(message.result)
      else reject(new Error(message.error))
    }
    child.on('message', listen)
    child.once('exit', end)
  })
}
