import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLimiter, type LedgerRecord, ledger } from '@sluice/core'
import { quota } from '@sluice/quota'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BillingLoad } from './billing-load.ts'
import { type BillingServer, printInvoice, readInvoice, startBilling } from './billing-server.ts'

/** Between two deliveries of the ledger. */
const EVERY_MS = 1_000

/** The delivery in progress at the kill, the one before it, and what a busy machine adds to their timers. */
const DELIVERY_MS = 500

/** globex has a soft quota of 100 units, acme 50 units and an overage of 25, initech a hard quota of 20. */
const CLIENTS = ['globex', 'globex', 'globex', 'globex', 'acme', 'initech']

const month = new Date().toISOString().slice(0, 7)

interface Usage {
  readonly plan: string
  readonly units: number
  readonly over: number
  readonly written_at: Date
}

interface LedgerTable {
  write(records: readonly LedgerRecord[]): Promise<void>
  usageIn(customer: string, month: string): Promise<readonly Usage[]>
  close(): Promise<void>
}

// The example is plain JavaScript; these are the types of what the tests use.
const example = new URL('../../examples/billing/', import.meta.url)
const { openLedgerTable } = (await import(new URL('ledger-table.js', example).href)) as {
  openLedgerTable(folder: string): Promise<LedgerTable>
}
const { invoiceText } = (await import(new URL('invoice-text.js', example).href)) as {
  invoiceText(customer: string, month: string, usage: readonly Usage[]): string
}

let parent: string
let folders = 0

beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'sluice-billing-'))
  // Creating a database takes seconds; copying one does not.
  await (await openLedgerTable(join(parent, 'new'))).close()
})
afterAll(() => rm(parent, { recursive: true, force: true }))

async function newFolder(): Promise<string> {
  folders += 1
  const folder = join(parent, `${folders}`)
  await cp(join(parent, 'new'), folder, { recursive: true })
  return folder
}

async function withTable(folder: string, use: (table: LedgerTable) => Promise<void>): Promise<void> {
  const table = await openLedgerTable(folder)
  await use(table).finally(() => table.close())
}

async function underLoad(
  play: (folder: string, server: BillingServer, load: BillingLoad) => Promise<void>,
): Promise<void> {
  const folder = await newFolder()
  const server = await startBilling(folder, EVERY_MS)
  try {
    await play(folder, server, new BillingLoad(server.url, CLIENTS))
  } finally {
    await server.end('SIGKILL')
  }
}

describe('an invoice of examples/billing', () => {
  it('lacks at most the last interval when the server is killed under load', () =>
    underLoad(async (folder, server, load) => {
      await load.past(2.6 * EVERY_MS)
      const killedAt = Date.now()
      await server.end('SIGKILL')
      await load.ended()
      const invoice = readInvoice(await printInvoice(folder, 'globex', month))

      // A request that was in flight may have been admitted without the client seeing it.
      expect(invoice.used).toBeLessThanOrEqual(load.admitted('globex') + load.unanswered('globex'))
      // Everything answered before the last delivery began is invoiced, and that was at most one interval before the kill.
      expect(invoice.used).toBeGreaterThanOrEqual(load.admitted('globex', invoice.recordedAt))
      expect(killedAt - invoice.recordedAt).toBeLessThan(EVERY_MS + DELIVERY_MS)

      expect(invoice.used).toBeGreaterThan(100)
      expect(invoice.over).toBe(invoice.used - 100)
    }))

  it('is exact when the server is stopped with SIGTERM under load', () =>
    underLoad(async (folder, server, load) => {
      await load.past(1.5 * EVERY_MS)
      expect(await server.end('SIGTERM')).toBe(0)
      await load.ended()

      await withTable(folder, async (table) => {
        for (const [customer, included] of [
          ['globex', 100],
          ['acme', 50],
          ['initech', 20],
        ] as const) {
          const units = load.admitted(customer)
          const over = Math.max(0, units - included)
          expect(await table.usageIn(customer, month)).toMatchObject([{ units, over }])
        }
        expect(load.admitted('globex')).toBeGreaterThan(100)
      })
    }))

  it('is the same when writes fail, and when records are delivered twice', async () =>
    withTable(await newFolder(), async (table) => {
      const faults: LedgerTable['write'][] = [
        () => Promise.reject(new Error('down')),
        // The records were written, but the answer was lost.
        (records) => table.write(records).then(() => Promise.reject(new Error('lost'))),
        (records) => Promise.all([table.write(records), table.write(records)]).then(() => undefined),
      ]
      const delivered: string[] = []
      const failures: unknown[] = []
      const usage = ledger({
        write(records) {
          delivered.push(...records.map(({ id }) => id))
          // createLimiter() has no plans.
          const onPlan = records.map((record) => ({ ...record, plan: 'scale' }))
          return (faults.shift() ?? table.write)(onPlan)
        },
      })
      usage.on('failed', ({ error }) => failures.push(error))
      const limiter = createLimiter({ policies: quota('100/month', { soft: true }), ledger: usage })
      for (let delivery = 0; delivery < 4; delivery++) {
        limiter.consume('globex', { cost: 70 })
        await usage.flush()
      }
      await limiter.close()

      expect(failures).toEqual([new Error('down'), new Error('lost')])
      expect([delivered.length, new Set(delivered).size]).toEqual([7, 4])
      expect(await table.usageIn('globex', month)).toMatchObject([{ plan: 'scale', units: 280, over: 180 }])
    }))

  it('looks as in the README', async () => {
    const usage = [{ plan: 'pro', units: 75, over: 25, written_at: new Date() }]
    const [, lines = ''] = /^(Plan .*Total: .*?)\n/ms.exec(invoiceText('acme', month, usage)) ?? []
    expect(lines).toContain('$0.50')
    expect(await readFile(new URL('README.md', example), 'utf8')).toContain(lines)
  })

  it('is not printed from a ledger that another process has open', async () => {
    const folder = join(parent, 'locked')
    await mkdir(folder)
    await writeFile(join(folder, 'lock'), `${process.ppid}`)
    await expect(printInvoice(folder, 'acme', month)).rejects.toThrow(`is open in process ${process.ppid}. Stop that`)
  })
})
