import { createFetch } from '@sluice/client'
import { createLimiter } from '@sluice/express'

/**
 * What reaches the providers: for each a client with a gate, a breaker, a retry budget, and limits that all replicas share. A gate that
 * one replica has met is closed for all: it is a ban in the store that they share.
 */
export function createOutbound({ config, store, secrets, log }) {
  const { providers } = config.current
  const gates = createLimiter({ name: 'outbound gate', policies: '1M/s', store })
  const clients = Object.fromEntries(
    Object.entries(providers).map(([name, { limits }]) => {
      const client = createFetch({
        key: () => name,
        ...(limits === undefined ? {} : { name: `outbound ${name}`, limits, store }),
        // Others can answer: it is not waited for long, and a second attempt is the exception.
        maxWaitMs: 500,
        attemptTimeoutMs: 10_000,
        retry: { attempts: 2, baseMs: 100, budget: { share: 0.1, perSecond: 1 } },
        breaker: { share: 0.5, calls: 20, leastCalls: 5, openMs: 5_000 },
        giveUp: 'return',
      })
      client.on('gate', ({ until, status }) => {
        log({ event: 'gate', provider: name, status, until: new Date(until).toISOString() })
        Promise.resolve(gates.ban(name, { expiresAt: new Date(until), reason: `answered ${status}` })).catch(
          () => undefined,
        )
      })
      client.on('open', ({ until }) =>
        log({ event: 'breaker', provider: name, state: 'open', until: new Date(until).toISOString() }),
      )
      client.on('close', () => log({ event: 'breaker', provider: name, state: 'closed' }))
      return [name, client]
    }),
  )

  const stateOf = (name) => clients[name].state().find(({ key }) => key === name)

  return {
    /** Why a provider is not to be asked at the moment; `undefined` where it is. */
    async closed(name) {
      const state = stateOf(name)
      if (state?.gateClosedUntil !== undefined) return 'gate'
      if (state?.breaker === 'open') return 'breaker'
      if (state !== undefined && state.queued > 100) return 'queue'
      const gate = await gates.peek(name)
      return gate.allowed ? undefined : 'gate'
    },
    send(name, path, body, { format, signal }) {
      const { url } = config.current.providers[name]
      return clients[name](`${url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...format.authorize(secrets[name] ?? 'none') },
        body: JSON.stringify(body),
        signal,
      })
    },
    state: () => Object.keys(clients).map((name) => ({ provider: name, ...stateOf(name) })),
    async close() {
      await Promise.all([gates.close(), ...Object.values(clients).map((client) => client.close())])
    },
  }
}
