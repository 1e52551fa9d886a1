import { defineConfig } from 'vitest/config'

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
          exclude: ['test/faults/**'],
          maxWorkers: '100%',
          sequence: { groupOrder: 0 },
        },
      },
      {
        // Servers and processes of their own, killed and paused under load: they have the machine to themselves.
        extends: true,
        test: { name: 'faults', include: ['test/faults/**/*.test.ts'], maxWorkers: 1, sequence: { groupOrder: 1 } },
      },
    ],
  },
})
