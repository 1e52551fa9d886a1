import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** The network between us and a server on this machine. */
export interface Way {
  readonly port: number
  /** From now on nothing comes through on the connections there are, and nobody is told. New ones work. */
  silence(): void
  stop(): void
}

export async function startWay(to: number): Promise<Way> {
  const ends = new Set<Socket>()
  const server = createServer((near) => {
    const far = connect(to, '127.0.0.1')
    near.pipe(far).pipe(near)
    for (const end of [near, far]) {
      ends.add(end)
      end.on('error', () => undefined).on('close', () => ends.delete(end))
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    silence() {
      for (const end of ends) end.unpipe().pause()
    },
    stop() {
      for (const end of ends) end.destroy()
      server.close()
    },
  }
}
