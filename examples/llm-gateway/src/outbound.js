import { createFetch } from '@sluice/client'
import { createLimiter } from '@sluice/express'

/**
 * What reaches the providers: for each a client with a gate, a breaker, a retry budget, and limits that all replicas share. A gate that one
 * replica has met is closed for all: it is a ban in the store that they share. A provider that a new configuration changes gets a new client.
 */
export function createOutbound({ store, secrets, log }) {
  const gates = createLimiter({ name: 'outbound gate', policies: '1M/s', store })
  const clients = new Map()

  function clientOf(name, { format, url, limits }) {
    const id = JSON.stringify([format, url, limits])
    const known = clients.get(name)
    if (known?.id === id) return known.client
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
      const ban = gates.ban(name, { expiresAt: new Date(until), reason: `answered ${status}` })
      Promise.resolve(ban).catch(() => undefined)
    })
    client.on('open', ({ until }) =>
      log({ event: 'breaker', provider: name, state: 'open', until: new Date(until).toISOString() }),
    )
    client.on('close', () => log({ event: 'breaker', provider: name, state: 'closed' }))
    known?.client.close()
    clients.set(name, { id, client })
    return client
  }

  return {
    /** Why a provider is not to be asked at the moment; `undefined` where it is. */
    async closed(name, provider) {
      const state = clientOf(name, provider)
        .state()
        .find(({ key }) => key === name)
      if (state?.gateClosedUntil !== undefined) return 'gate'
      if (state?.breaker === 'open') return 'breaker'
      if (state !== undefined && state.queued > 100) return 'queue'
      const gate = await gates.peek(name)
      return gate.allowed ? undefined : 'gate'
    },
    send(name, provider, path, body, { format, signal }) {
      return clientOf(name, provider)(`${provider.url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...format.authorize(secrets[name] ?? 'none') },
        body: JSON.stringify(body),
        signal,
      })
    },
    async close() {
      await Promise.all([gates.close(), ...[...clients.values()].map(({ client }) => client.close())])
    },
  }
}
