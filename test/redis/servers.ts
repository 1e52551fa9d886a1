import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'

/** A Redis of the tests' own, which they may kill, pause and misconfigure. */
export interface RedisServer {
  readonly port: number
  readonly url: string
  /** Speaks to this server alone, whatever it is part of. */
  command(...words: (string | number)[]): Promise<unknown>
  kill(signal: NodeJS.Signals): void
  /** Starts it again on its port after a kill. */
  restart(): Promise<void>
  stop(): Promise<void>
}

export async function startRedis(settings: readonly string[] = [], args: readonly string[] = []): Promise<RedisServer> {
  const port = await freePort()
  const dir = await mkdtemp(join(tmpdir(), 'sluice-redis-'))
  const start = () =>
    spawn(
      'redis-server',
      [...args, '--port', `${port}`, '--dir', dir, '--save', '', '--appendonly', 'no', ...settings],
      {
        stdio: 'ignore',
      },
    )
  let child: ChildProcess = start()
  const client = await ready(port)
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    command: (name, ...words) => client.call(String(name), ...words),
    kill: (signal) => void child.kill(signal),
    async restart() {
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
      child = start()
      await (await ready(port)).quit()
    },
    async stop() {
      client.disconnect()
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL')
        await once(child, 'exit')
      }
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/** A client that is connected, once the server on that port answers. */
async function ready(port: number): Promise<Redis> {
  const client = new Redis({ port, host: '127.0.0.1', retryStrategy: () => 20, maxRetriesPerRequest: null })
  client.on('error', () => undefined)
  await client.ping()
  return client
}

/** A port below those that the system hands out, whose cluster bus (10,000 above it) is free too. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 12_000 + Math.floor(Math.random() * 9_000)
    if ((await isFree(port)) && (await isFree(port + 10_000))) return port
  }
}

async function isFree(port: number): Promise<boolean> {
  const probe = createServer().listen(port)
  const free = await once(probe, 'listening').then(
    () => true,
    () => false,
  )
  probe.close()
  return free
}

export interface RedisCluster {
  readonly url: string
  readonly masters: readonly RedisServer[]
  readonly replicas: readonly RedisServer[]
  stop(): Promise<void>
}

const SLOTS = 16_384

/** A master otherwise waits five seconds for more replicas before it sends its data to the first. */
const AT_ONCE = ['--repl-diskless-sync-delay', '0']

/** Three masters, each with a replica. A node is missed after `timeoutMs`. */
export async function startCluster(timeoutMs = 1_000): Promise<RedisCluster> {
  const settings = [
    '--cluster-enabled',
    'yes',
    '--cluster-node-timeout',
    `${timeoutMs}`,
    '--cluster-replica-validity-factor',
    '0',
    ...AT_ONCE,
  ]
  const nodes = await Promise.all(Array.from({ length: 6 }, () => startRedis(settings)))
  const [masters, replicas] = [nodes.slice(0, 3), nodes.slice(3)]
  for (const [i, node] of nodes.entries()) await node.command('CLUSTER', 'SET-CONFIG-EPOCH', i + 1)
  for (const [i, master] of masters.entries()) {
    const [from, to] = [Math.floor((i * SLOTS) / 3), Math.floor(((i + 1) * SLOTS) / 3)]
    await master.command('CLUSTER', 'ADDSLOTS', ...Array.from({ length: to - from }, (_, slot) => from + slot))
  }
  for (const node of nodes.slice(1)) await node.command('CLUSTER', 'MEET', '127.0.0.1', nodes[0]?.port ?? 0)
  await until(async () => (await Promise.all(nodes.map(known))).every((count) => count === 6))
  for (const [i, replica] of replicas.entries()) {
    await replica.command('CLUSTER', 'REPLICATE', String(await masters[i]?.command('CLUSTER', 'MYID')))
  }
  await until(async () => (await Promise.all(nodes.map((node) => node.command('CLUSTER', 'INFO')))).every(isWell))
  await until(async () =>
    (await Promise.all(replicas.map((node) => node.command('INFO', 'replication')))).every(isLinked),
  )
  return {
    url: `redis+cluster://${masters.map(({ port }) => `127.0.0.1:${port}`).join(',')}`,
    masters,
    replicas,
    stop: async () => void (await Promise.all(nodes.map((node) => node.stop()))),
  }
}

const known = async (node: RedisServer) =>
  String(await node.command('CLUSTER', 'NODES'))
    .trim()
    .split('\n').length
const isWell = (info: unknown) => String(info).includes('cluster_state:ok')
const isLinked = (info: unknown) => String(info).includes('master_link_status:up')

export interface RedisSentinels {
  readonly url: string
  readonly master: RedisServer
  readonly replica: RedisServer
  stop(): Promise<void>
}

/** A master and a replica, watched by three Sentinels. */
export async function startSentinels(): Promise<RedisSentinels> {
  const [master, replica] = await Promise.all([startRedis(AT_ONCE), startRedis(AT_ONCE)])
  await replica.command('REPLICAOF', '127.0.0.1', master.port)
  await until(async () => isLinked(await replica.command('INFO', 'replication')))
  const sentinels = await Promise.all(Array.from({ length: 3 }, () => startSentinel(master.port)))
  await until(async () =>
    (await Promise.all(sentinels.map((one) => one.command('SENTINEL', 'CKQUORUM', 'limits').catch(() => '')))).every(
      (said) => String(said).startsWith('OK 3'),
    ),
  )
  return {
    url: `redis+sentinel://${sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',')}/limits`,
    master,
    replica,
    stop: async () => void (await Promise.all([master, replica, ...sentinels].map((one) => one.stop()))),
  }
}

async function startSentinel(masterPort: number): Promise<RedisServer> {
  const dir = await mkdtemp(join(tmpdir(), 'sluice-sentinel-'))
  const file = join(dir, 'sentinel.conf')
  await writeFile(
    file,
    [
      `sentinel monitor limits 127.0.0.1 ${masterPort} 2`,
      'sentinel down-after-milliseconds limits 800',
      'sentinel failover-timeout limits 3000',
      '',
    ].join('\n'),
  )
  return startRedis([], [file, '--sentinel'])
}

/** Asks until it is so; fails after half a minute. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 30_000
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error('half a minute passed in vain')
    await sleep(20)
  }
}
