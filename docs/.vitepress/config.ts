import { existsSync, readFileSync } from 'node:fs'
import { defineConfig } from 'vitepress'

/** Written by typedoc beside the pages it makes of the packages. */
const sidebarFile = new URL('../api/typedoc-sidebar.json', import.meta.url)
const reference = existsSync(sidebarFile) ? JSON.parse(readFileSync(sidebarFile, 'utf8')) : []

const page = (text: string, link: string) => ({ text, link })

export default defineConfig({
  title: 'Sluice',
  description: 'Rate limits for Express, Koa and Fastify: exact, fast, and plain to read in headers.',
  cleanUrls: true,
  lastUpdated: false,
  // The search index is one chunk.
  vite: { build: { chunkSizeWarningLimit: 4_000 } },
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    nav: [
      page('Getting started', '/getting-started'),
      page('Options', '/options'),
      page('Recipes', '/recipes'),
      page('Migration', '/migration/'),
      page('API', '/api/'),
    ],
    sidebar: [
      {
        text: 'Use',
        items: [
          page('Getting started', '/getting-started'),
          page('Guide', '/guide'),
          page('Options', '/options'),
          page('Algorithms', '/algorithms'),
          page('Quotas', '/quotas'),
          page('Concurrency and waiting', '/concurrency'),
          page('Late costs', '/costs'),
          page('LLM limits', '/llm'),
          page('Bans and lists', '/bans'),
          page('Plans', '/plans'),
          page('Configuration files', '/config'),
          page('Stores', '/stores'),
          page('Headers', '/headers'),
          page('Metrics and logs', '/metrics'),
          page('Alerts', '/alerts'),
          page('Dashboard', '/dashboard'),
          page('Recipes', '/recipes'),
          page('Testing', '/testing'),
          page('Testing clients', '/testing-clients'),
          page('Simulator', '/simulate'),
          page('OpenAPI', '/openapi'),
          page('Client', '/client'),
          page('How to fix: too many requests', '/how-to-fix'),
        ],
      },
      {
        text: 'Decide',
        items: [
          page('Comparison', '/comparison'),
          page('Failure modes', '/failure-modes'),
          page('Stability', '/stability'),
        ],
      },
      {
        text: 'Migration',
        items: [
          page('Overview', '/migration/'),
          page('express-rate-limit', '/migration/express-rate-limit'),
          page('@fastify/rate-limit', '/migration/fastify-rate-limit'),
          page('koa-ratelimit', '/migration/koa-ratelimit'),
          page('rate-limiter-flexible', '/migration/rate-limiter-flexible'),
          page('@upstash/ratelimit', '/migration/upstash-ratelimit'),
          page('Bottleneck and p-queue', '/from-bottleneck'),
        ],
      },
      { text: 'Inside', items: [page('Architecture', '/architecture'), page('Arithmetic', '/arithmetic')] },
      { text: 'API reference', collapsed: true, items: reference },
    ],
  },
})
