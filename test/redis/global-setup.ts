import type { TestProject } from 'vitest/node'
import { startRedis } from './servers.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** A Redis for all tests to share: `REDIS_URL`, or one started for this run. */
    redisUrl: string
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env['REDIS_URL']
  if (given !== undefined) {
    project.provide('redisUrl', given)
    return async () => undefined
  }
  const server = await startRedis()
  project.provide('redisUrl', server.url)
  return () => server.stop()
}
