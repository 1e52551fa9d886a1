import { execFileSync, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { createFetch } from '@sluice/client'
import { createLimiter } from '@sluice/core'
import { dashboard } from '@sluice/dashboard'
import { sluice } from '@sluice/express'
import { quota } from '@sluice/quota'
import compression from 'compression'
import express from 'express'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { browser as browserCommand } from '../../scripts/debian.mjs'
import { type App, type AppOptions, apps, listening } from './apps.ts'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const shots = new URL('../.generated/screenshots/', import.meta.url)

let browser: Browser
beforeAll(async () => {
  const command = browserCommand() ?? 'chromium'
  const executablePath = command.includes('/') ? command : execFileSync('which', [command], { encoding: 'utf8' }).trim()
  browser = await chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-sync'],
  })
  mkdirSync(shots, { recursive: true })
})
afterAll(() => browser.close())

const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

async function started(framework: string, options?: AppOptions): Promise<App> {
  const app = await apps[framework]?.(options)
  if (app === undefined) throw new Error(framework)
  ends.push(() => app.close())
  return app
}

/** A page, and what it complained of: of the content security policy too. */
async function opened(url: string, options?: BrowserContextOptions): Promise<{ page: Page; complaints: string[] }> {
  const context = await browser.newContext(options)
  ends.push(() => context.close())
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(String(error)))
  await page.goto(url)
  return { page, complaints }
}

async function ask(url: string, key: string, times: number): Promise<readonly number[]> {
  const statuses: number[] = []
  for (let i = 0; i < times; i++) statuses.push((await fetch(`${url}/search?k=${key}`)).status)
  return statuses
}

const card = (page: Page, name: string) =>
  page.locator('article', { has: page.getByRole('heading', { name, exact: true }) })

describe.each(Object.keys(apps))('in %s, the page', (framework) => {
  it('loads without a complaint, and shows what the API has counted', async () => {
    const app = await started(framework)
    await ask(app.url, 'ann', 8)
    await app.flush()
    const { page, complaints } = await opened(app.page)
    const search = card(page, 'search')
    await expect.poll(() => search.locator('[data-count=allowed]').textContent()).toBe('5')
    expect(await search.locator('[data-count=denied]').textContent()).toBe('3 (38%)')
    expect(await search.textContent()).toContain('5 requests in 60 s')
    expect(await page.getByText('One server, memory').count()).toBe(1)
    await search.getByRole('link').click()
    await page.getByText('Keys with most denials').waitFor()
    expect(page.url()).toBe(`${app.page}#/limit?name=search`)
    expect(await page.locator('canvas').count()).toBe(1)
    expect(await page.getByRole('link', { name: 'ann' }).count()).toBeGreaterThan(1)
    for (const name of ['Quotas', 'Outbound', 'Config', 'Key', 'Live']) {
      await page.getByRole('link', { name, exact: true }).click()
      await page.getByRole('heading', { name }).waitFor()
    }
    expect(complaints).toEqual([])
  })

  it('shows decisions as they are made, and stops where it is paused', async () => {
    const app = await started(framework)
    const { page, complaints } = await opened(`${app.page}#/live`)
    await page.getByText('Connected').waitFor()
    await ask(app.url, 'bob', 6)
    const rows = page.locator('tbody tr')
    await page.locator('tbody .bad').first().waitFor()
    // Denials come first, and each limit is a decision.
    expect(await rows.first().textContent()).toMatch(/denied.*search.*bob/)
    await page.getByRole('button', { name: 'Pause' }).click()
    const before = await rows.count()
    await ask(app.url, 'carl', 2)
    await page.waitForTimeout(1_500)
    expect(await rows.count()).toBe(before)
    await page.getByRole('button', { name: 'Go on' }).click()
    await page.getByLabel('Filter').fill('denied')
    await expect.poll(() => rows.count()).toBe(1)
    expect(page.url()).toMatch(/#\/live\?filter=denied$/)
    expect(complaints).toEqual([])
  })
})

describe('what is done on the page', () => {
  it('changes the next real answer: reset, ban, unban, override', async () => {
    const app = await started('Express')
    expect(await ask(app.url, 'dora', 6)).toEqual([200, 200, 200, 200, 200, 429])
    const { page, complaints } = await opened(`${app.page}#/key?key=dora&limit=search`)
    await page.getByText('5 of 5').waitFor()
    await page.getByRole('button', { name: 'Reset usage' }).click()
    await page.getByText('Done. Before: search: 5 of 5. Now: search: 0 of 5.').waitFor()
    expect(await ask(app.url, 'dora', 1)).toEqual([200])
    await page.getByLabel('Time').fill('10min')
    await page.getByRole('button', { name: 'Ban', exact: true }).click()
    await page.getByText(/^Banned until/).waitFor()
    expect(await ask(app.url, 'dora', 1)).toEqual([429])
    await page.getByRole('button', { name: 'Lift the ban' }).click()
    await page.getByText('Now: not banned').waitFor()
    expect(await ask(app.url, 'dora', 1)).toEqual([200])
    await page.getByLabel('Limit').fill('20/min')
    await page.getByLabel('Days').fill('1')
    await page.getByRole('button', { name: 'Override', exact: true }).click()
    await page.getByText(/^Overridden: 20\/min, until/).waitFor()
    expect(await ask(app.url, 'dora', 12)).not.toContain(429)
    await page.getByLabel('Time').fill('a while')
    await page.getByRole('button', { name: 'Ban', exact: true }).click()
    await page.getByText('expected a time such as').waitFor()
    // That a request was refused is all there is in the console.
    expect(complaints).toEqual([expect.stringContaining('400 (Bad Request)')])
    await page.getByRole('link', { name: 'Config' }).click()
    await page.getByText('Who changed what').waitFor()
    expect(await page.locator('table').nth(1).locator('tbody tr').count()).toBe(4)
  })

  it('is not offered to a viewer, who sees no key', async () => {
    const app = await started('Express', { auth: () => 'view' })
    await ask(app.url, 'erna', 7)
    await app.flush()
    const { page } = await opened(`${app.page}#/limit?name=search`)
    await page.getByText('Last denials').waitFor()
    expect(await page.textContent('body')).not.toContain('erna')
    expect(await page.getByText('read only').count()).toBe(1)
    await page.goto(`${app.page}#/key?key=erna&limit=search`)
    await page.getByText('5 of 5').waitFor()
    expect(await page.getByRole('button', { name: 'Reset usage' }).count()).toBe(0)
  })
})

describe('wherever it is mounted', () => {
  it('works in a router below another path, behind a proxy that takes part of the path away, and with compression', async () => {
    const limit = sluice()
    const view = dashboard(limit, { auth: () => 'act' })
    const app = express()
    const ops = express.Router()
    app.use(compression({ threshold: 0 }))
    app.get('/api', limit('5/min', { name: 'api' }), (_req, res) => void res.json([]))
    ops.use('/limits', view)
    app.use('/ops', ops)
    const inner = await listening(app)
    ends.push(inner.close, () => view.close())
    const proxy = await listening((req, res) => {
      const path = (req.url ?? '').replace(/^\/internal\/tools/, '')
      const onward = httpRequest(inner.url + path, { method: req.method, headers: req.headers }, (answer) => {
        res.writeHead(answer.statusCode ?? 500, answer.headers)
        answer.pipe(res)
      })
      res.on('close', () => onward.destroy())
      onward.on('error', () => res.destroy())
      req.pipe(onward)
    })
    ends.push(proxy.close)
    for (const url of [`${inner.url}/ops/limits`, `${proxy.url}/internal/tools/ops/limits`]) {
      const { page, complaints } = await opened(url)
      await page.getByRole('heading', { name: 'api' }).waitFor()
      expect(page.url()).toMatch(/\/ops\/limits\/$/)
      await page.getByRole('link', { name: 'Live' }).click()
      await page.getByText('Connected').waitFor()
      await fetch(`${inner.url}/api`)
      await page.locator('tbody tr').first().waitFor({ timeout: 5_000 })
      expect(complaints).toEqual([])
      await page.context().close()
    }
  })

  it('shows the sum of two processes on one Redis', async () => {
    const store = inject('redisUrl')
    const name = `sum-${process.pid}`
    const script = fileURLToPath(new URL('a-server.mjs', import.meta.url))
    const children = [1, 2].map(() => fork(script, [store, name], { stdio: 'inherit' }))
    ends.push(() => children.map((child) => child.kill()))
    const urls = await Promise.all(children.map(async (child) => String((await once(child, 'message'))[0])))
    for (const url of urls) await ask(url, 'fay', 4)
    for (const child of children) child.send('flush')
    await Promise.all(children.map((child) => once(child, 'message')))
    const { page } = await opened(`${urls[0]}/_sluice/`)
    await expect.poll(() => card(page, name).locator('[data-count=allowed]').textContent()).toBe('5')
    expect(await card(page, name).locator('[data-count=denied]').textContent()).toBe('3 (38%)')
    await page.getByText(/^2 servers, redis:/).waitFor()
  })

  it('connects again after a restart', async () => {
    const first = await apps['Express']?.()
    if (first === undefined) throw new Error('Express')
    const { page } = await opened(`${first.page}#/live`)
    await page.getByText('Connected').waitFor()
    await first.close()
    await page.getByText('Connecting').waitFor()
    const second = await started('Express', { port: Number(new URL(first.url).port) })
    await page.getByText('Connected').waitFor({ timeout: 10_000 })
    await ask(second.url, 'gus', 1)
    await page.getByText('gus').waitFor()
  })
})

describe('everybody', () => {
  /** Something of everything. */
  async function lively(): Promise<{ url: string; flush: () => Promise<void> }> {
    const limit = sluice()
    const calls = createLimiter({ name: 'calls', policies: quota('1000/month', { overage: 100 }), warnAt: 0.8 })
    const api = createFetch()
    const view = dashboard([limit, calls, api])
    const app = express()
    app.use('/_sluice', view)
    app.get(
      '/search',
      limit(['5/min', '200/hour'], { name: 'search', key: (req) => String(req.query['k']) }),
      (_q, r) => void r.json([]),
    )
    app.get(
      '/peer',
      (_req, res) =>
        void res.setHeader('RateLimit', '"peer";r=7;t=30').setHeader('RateLimit-Policy', '"peer";q=10;w=60').end(),
    )
    const { url, close } = await listening(app)
    ends.push(
      close,
      () => view.close(),
      () => api.close(),
    )
    for (const [key, times] of [
      ['ann', 9],
      ['bob', 5],
      ['carl', 2],
    ] as const)
      await ask(url, key, times)
    for (const [key, cost] of [
      ['org-7', 940],
      ['org-8', 120],
      ['org-9', 1_040],
    ] as const)
      calls.consume(key, { cost })
    await api(`${url}/peer`)
    await view.flush()
    return { url: `${url}/_sluice/`, flush: () => view.flush() }
  }

  const PAGES = ['overview', 'limit?name=search', 'key?key=ann', 'quotas', 'live', 'outbound', 'config']

  it('can read every page: axe finds nothing serious, light or dark, wide or narrow', async () => {
    const { url } = await lively()
    for (const [colorScheme, width] of [
      ['light', 1_200],
      ['dark', 375],
    ] as const) {
      const { page, complaints } = await opened(url, { colorScheme, viewport: { width, height: 800 } })
      // Its own script is not the page's: the policy would keep it out.
      for (const name of PAGES) {
        await page.goto(`${url}#/${name}`)
        await page.locator('main :is(table, article, p)').first().waitFor()
        await page.waitForTimeout(150)
        await page.evaluate(axe)
        const found = await page.evaluate(async () => {
          const { violations } = await (
            globalThis as unknown as {
              axe: { run(): Promise<{ violations: { id: string; impact: string; nodes: { html: string }[] }[] }> }
            }
          ).axe.run()
          return violations
            .filter(({ impact }) => impact === 'serious' || impact === 'critical')
            .map(({ id, nodes }) => [id, nodes.map(({ html }) => html).slice(0, 3)])
        })
        expect([name, found]).toEqual([name, []])
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width)
        writeFileSync(new URL(`${name.replace(/\W.*/, '')}-${colorScheme}.png`, shots), await page.screenshot())
      }
      expect(complaints).toEqual([])
    }
  })

  it('can use it by the keyboard alone', async () => {
    const { url } = await lively()
    const { page } = await opened(url)
    await page.getByRole('heading', { name: 'search' }).waitFor()
    await page.keyboard.press('Tab')
    expect(await page.evaluate(() => document.activeElement?.textContent?.trim())).toBe('Skip to content')
    await page.keyboard.press('Enter')
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('main')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await page
      .getByRole('heading', { name: /calls|search/ })
      .first()
      .waitFor()
    expect(page.url()).toContain('#/limit?name=')
  })

  it('finds quotas with what they come to, and what other APIs say', async () => {
    const { url } = await lively()
    const { page } = await opened(`${url}#/quotas`)
    const row = page.locator('tr', { hasText: 'org-9' })
    await row.waitFor()
    expect(await row.textContent()).toMatch(/calls104% 1,040 of 1,000 requests40/)
    expect(await page.locator('tbody tr').count()).toBe(3)
    await page.getByRole('link', { name: 'Outbound' }).click()
    await page.getByText('peer: 7 of 10 left').waitFor()
  })

  it('can take a page away as one file, with its data, that needs no server', async () => {
    const { url } = await lively()
    const { page } = await opened(`${url}#/limit?name=search&range=day`)
    await page.getByText('Keys with most denials').waitFor()
    const download = page.waitForEvent('download')
    await page.getByRole('button', { name: 'Export' }).click()
    const file = fileURLToPath(new URL('export.html', shots))
    await (await download).saveAs(file)
    const { page: offline, complaints } = await opened(`file://${file}`, { offline: true })
    await offline.getByText('Keys with most denials').waitFor()
    expect(await offline.textContent('#app')).toMatch(/as of .*ann/s)
    expect(await offline.getByRole('button', { name: 'day' }).getAttribute('aria-pressed')).toBe('true')
    expect(complaints).toEqual([])
  })
})
