import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { freePort, startRedis } from '../redis/servers.ts'
import { startProcess } from './processes.ts'

const file = (name: string) => fileURLToPath(new URL(`../redis/tls/${name}`, import.meta.url))
const certificate = file('certificate.pem')

it('rediss:// reaches a Redis over TLS, as a user with a password, in a database', async () => {
  const port = await freePort()
  const secured = ['--tls-cert-file', certificate, '--tls-key-file', file('key.pem'), '--tls-ca-cert-file', certificate]
  const redis = await startRedis(['--tls-port', `${port}`, ...secured, '--tls-auth-clients', 'no'])
  await redis.command('ACL', 'SETUSER', 'ann', 'on', '>p@ss/word', '~sluice:*', '+@all')
  const policies = [['fixedWindow', '3/h'] as const]
  const url = (password: string) => `rediss://ann:${encodeURIComponent(password)}@localhost:${port}/3`
  const trusting = { NODE_EXTRA_CA_CERTS: certificate }

  const known = await startProcess({ url: url('p@ss/word'), prefix: 'sluice', policies }, trusting)
  expect(await known.crowd({ key: 'a', count: 5 })).toMatchObject({ allowed: 3, degraded: 0 })
  expect(String(await redis.command('INFO', 'keyspace'))).toContain('db3:keys=1')

  const unknown = await startProcess({ url: url('wrong'), prefix: 'sluice', policies }, trusting)
  expect(await unknown.crowd({ key: 'a', count: 5 })).toMatchObject({ allowed: 3, degraded: 5 })
  expect(await unknown.events()).toEqual([expect.stringMatching(/^degraded: rediss:\/\/localhost:\d+\/3: WRONGPASS/)])

  const wary = await startProcess({ url: url('p@ss/word'), prefix: 'sluice', policies })
  expect(await wary.crowd({ key: 'a', count: 5 })).toMatchObject({ allowed: 3, degraded: 5 })
  expect(await wary.events()).toEqual([expect.stringMatching(/^degraded: .*self.signed certificate/)])

  await Promise.all([known, unknown, wary].map((one) => one.kill()))
  await redis.stop()
})
