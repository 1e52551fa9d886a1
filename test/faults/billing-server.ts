import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const example = fileURLToPath(new URL('../../examples/billing', import.meta.url))

/** The server of examples/billing, in a process of its own. */
export interface BillingServer {
  readonly url: string
  /** Resolves with the exit code, once the process has ended. */
  end(signal: NodeJS.Signals): Promise<number | null>
}

export async function startBilling(folder: string, everyMs: number): Promise<BillingServer> {
  const child = spawn(process.execPath, [`${example}/server.js`], {
    env: { ...process.env, BILLING_DATA: folder, LEDGER_EVERY_MS: `${everyMs}`, PORT: '0', SLUICE_STORE: 'memory:' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit') as Promise<[number | null]>
  const noStart = ended.then(() => Promise.reject(new Error('The billing server did not start.')))
  const [line] = (await Promise.race([once(createInterface(child.stdout), 'line'), noStart])) as [string]
  noStart.catch(() => undefined)
  return {
    url: line.replace('Listening on ', '').replace('localhost', '127.0.0.1'),
    async end(signal) {
      child.kill(signal)
      const [code] = await ended
      return code
    },
  }
}

/** What `node invoice.js` prints. Rejects with the command's own message. */
export async function printInvoice(folder: string, customer: string, month: string): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [`${example}/invoice.js`, customer, month], {
    env: { ...process.env, BILLING_DATA: folder },
  })
  return stdout
}

export interface Invoice {
  readonly used: number
  readonly over: number
  readonly total: string
  /** Unix milliseconds: when the last delivery that has usage of this customer began. */
  readonly recordedAt: number
}

/** The numbers of an invoice with one plan. */
export function readInvoice(text: string): Invoice {
  const found =
    /^\w+ +[\d,]+ +(?<used>[\d,]+) +(?<over>[\d,]+) .*\n\nTotal: (?<total>.*)\nLast usage recorded: (?<at>.*)\n$/m.exec(
      text,
    )
  const { used = '', over = '', total = '', at = '' } = found?.groups ?? {}
  return { used: toNumber(used), over: toNumber(over), total, recordedAt: Date.parse(at) }
}

function toNumber(text: string): number {
  return text === '' ? Number.NaN : Number(text.replaceAll(',', ''))
}
