import { defineConfig } from 'vitest/config'

/** Set by scripts/test.mjs where there is only REDIS_URL: what starts, counts, kills and pauses servers of its own is left out. */
const ownServers =
  process.env['SLUICE_NO_REDIS_SERVER'] === undefined
    ? []
    : ['test/faults/**', 'test/redis/redis-store.test.ts', 'test/conformance/stores.test.ts']

/** These keep to the default deadline of 200 ms, or measure time: nothing else runs beside them. */
const alone = ['test/faults/**/*.test.ts', 'test/conformance/stores.test.ts', 'test/redis/cluster-example.test.ts']

export default defineConfig({
  test: {
    globalSetup: ['test/redis/global-setup.ts'],
    // What users get: the built packages, each once, whoever loads them.
    server: { deps: { external: [/packages\/\w+\/dist\//] } },
    testTimeout: 30_000,
    hookTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'behaviour',
          include: ['packages/*/src/**/*.test.ts', 'test/**/*.test.ts'],
          exclude: [...alone, ...ownServers, 'test/installed/**'],
          maxWorkers: '100%',
          sequence: { groupOrder: 0 },
        },
      },
      {
        // Servers and processes of their own, killed and paused under load: they have the machine to themselves.
        extends: true,
        test: {
          name: 'faults',
          include: alone,
          exclude: ownServers,
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
