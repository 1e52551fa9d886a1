import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { browser as browserCommand } from '../../scripts/debian.mjs'
import { combinedLine, Folder, plantedDay, START, sluice } from './cli.js'

let browser: Browser
let folder: Folder
let file: string

beforeAll(async () => {
  const command = browserCommand() ?? 'chromium'
  const executablePath = command.includes('/') ? command : execFileSync('which', [command], { encoding: 'utf8' }).trim()
  browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
  folder = new Folder()
  const log = folder.write('access.log', plantedDay().map(combinedLine).join('\n'))
  file = `${folder.path}/report.html`
  const { code } = await sluice([
    'simulate',
    log,
    '--limit',
    '100/min',
    '--limit',
    'search: 20/min',
    '--route',
    'search=/search',
    '--html',
    file,
  ])
  expect(code).toBe(0)
})

afterAll(async () => {
  await browser?.close()
  folder?.[Symbol.dispose]()
})

async function open(
  path: string,
  options: Parameters<Browser['newContext']>[0] = {},
): Promise<{ page: Page; errors: string[] }> {
  const context = await browser.newContext({
    viewport: { width: 1_000, height: 900 },
    timezoneId: 'America/New_York',
    ...options,
  })
  const page = await context.newPage()
  const errors: string[] = []
  page.on('pageerror', (error) => errors.push(error.message))
  page.on('console', (message) => void (message.type() === 'error' && errors.push(message.text())))
  page.on('request', (request) => void (request.url().startsWith('http') && errors.push(`asked for ${request.url()}`)))
  await page.goto(pathToFileURL(path).href)
  return { page, errors }
}

describe('the HTML report', () => {
  it('shows the numbers, charts and keys of every limit, loads nothing, and has no errors', async () => {
    const { page, errors } = await open(file)
    await expect.poll(() => page.locator('canvas').count()).toBe(4)
    const text = await page.locator('section').first().textContent()
    expect(text).toContain('3 of 303')
    expect(text).toContain('198.51.100.2')
    expect(await page.locator('.scroll tbody tr').count()).toBe(4)
    expect(errors).toEqual([])
  })

  it('says what another quota would deny while its slider moves, also by the keyboard', async () => {
    const { page } = await open(file)
    const output = page.locator('output').first()
    expect(await output.textContent()).toMatch(
      /^100 in each window of 1 min: about [\d.]+ % denied \([\d,]+ units\), 3 keys of 303\.$/,
    )
    const slider = page.getByLabel('Units in a window').first()
    await slider.focus()
    await page.keyboard.press('End')
    expect(await output.textContent()).toContain('about 0 % denied (0 units), 0 keys of 303.')
    await page.keyboard.press('Home')
    expect(await output.textContent()).toMatch(/^1 in each window of 1 min: about \d/)
  })

  it.each(['light', 'dark'] as const)(
    'can be read by everybody (axe), in a %s scheme and on a phone',
    async (colorScheme) => {
      const { page } = await open(file, { colorScheme, viewport: { width: 375, height: 800 } })
      expect(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth)).toBe(true)
      // The page itself may run no other script.
      const bare = await browser.newContext({ colorScheme, viewport: { width: 375, height: 800 }, bypassCSP: true })
      const tested = await bare.newPage()
      await tested.goto(pathToFileURL(file).href)
      await tested.addScriptTag({ path: createRequire(import.meta.url).resolve('axe-core') })
      const violations = await tested.evaluate(async () => {
        const axe = Reflect.get(window, 'axe') as {
          run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }>
        }
        return (await axe.run()).violations.map(({ id, nodes }) => [id, nodes[0]?.html])
      })
      expect(violations).toEqual([])
    },
  )

  it('is one file of moderate size', () => {
    expect(statSync(file).size).toBeLessThan(150_000)
  })

  it('shows what a hostile log says as text', async () => {
    const hostile = '</script><script>document.title="owned"</script><img src=x onerror=alert(1)>'
    const lines = [0, 1].map((i) => JSON.stringify({ time: START + i, ip: '192.0.2.1', path: '/', user: hostile }))
    const path = `${folder.path}/hostile.html`
    const log = folder.write('hostile.log', `${lines.join('\n')}\n`)
    await sluice(['simulate', log, '--limit', '1/min', '--key', 'user', '--html', path])
    const { page, errors } = await open(path)
    expect(await page.title()).toBe('Simulated rate limits')
    expect(await page.locator('.scroll tbody td').first().textContent()).toContain('</script>')
    expect(await page.locator('img').count()).toBe(0)
    expect(errors).toEqual([])
    expect(readFileSync(path, 'utf8')).not.toContain('<img')
  })

  it('looks as in docs/simulate.md', async () => {
    const { page } = await open(file)
    await expect.poll(() => page.locator('canvas').count()).toBe(4)
    const screenshot = await page.locator('section').first().screenshot()
    expect(screenshot.length).toBeGreaterThan(10_000)
    const generated = fileURLToPath(new URL('../.generated/', import.meta.url))
    mkdirSync(generated, { recursive: true })
    // Copied to docs/simulate.png where the page has changed.
    writeFileSync(`${generated}simulate.png`, screenshot)
    // Fonts differ from machine to machine.
    const [made, shown] = [
      sizeOf(screenshot),
      sizeOf(readFileSync(new URL('../../docs/simulate.png', import.meta.url))),
    ]
    expect(made.width).toBe(shown.width)
    expect(Math.abs(made.height / shown.height - 1)).toBeLessThan(0.15)
  })
})

/** The size of a PNG, from its header. */
function sizeOf(png: Buffer): { readonly width: number; readonly height: number } {
  return { width: png.readUInt32BE(16), height: png.readUInt32BE(20) }
}
