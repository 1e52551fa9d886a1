import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['packages/*/src/**/*.test.ts', 'test/**/*.test.ts'],
    globalSetup: ['test/redis/global-setup.ts'],
    // What users get: the built packages, each once, whoever loads them.
    server: { deps: { external: [/packages\/\w+\/dist\//] } },
    testTimeout: 30_000,
    hookTimeout: 60_000,
    maxWorkers: '100%',
  },
})
