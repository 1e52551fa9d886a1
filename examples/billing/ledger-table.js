import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PGlite } from '@electric-sql/pglite'
import { lockFolder } from './folder-lock.js'

/** Where the server and the invoice command find the ledger. */
export const ledgerFolder = process.env.BILLING_DATA ?? fileURLToPath(new URL('data', import.meta.url))

const SCHEMA = `
  create table if not exists usage (
    id text primary key,
    customer text not null,
    plan text not null,
    period_start timestamptz not null,
    units bigint not null,
    units_over bigint not null,
    written_at timestamptz not null
  );
  create index if not exists usage_by_period on usage (customer, period_start)`

// One statement: a batch is written as a whole or not at all. A record that is delivered again changes nothing.
const INSERT = `
  insert into usage
  select * from jsonb_populate_recordset(null::usage, $1)
  on conflict (id) do nothing`

// Adds up the units over as the limiter reported them. They are never computed from the units used.
const SELECT = `
  select plan, sum(units)::bigint as units, sum(units_over)::bigint as over, max(written_at) as written_at
  from usage
  where customer = $1 and period_start = $2
  group by plan
  order by plan`

/** The usage of all customers, in a Postgres that is embedded in this process. */
export async function openLedgerTable(folder) {
  await mkdir(folder, { recursive: true })
  const unlock = lockFolder(folder)
  const db = await PGlite.create(join(folder, 'postgres'))
  await db.exec(SCHEMA)
  return {
    /** Keeps a batch of a ledger's records. */
    async write(records) {
      const writtenAt = new Date()
      const rows = records.map(({ id, key, plan, period, units, over }) => ({
        id,
        customer: key,
        plan,
        period_start: new Date(period.start),
        units,
        units_over: over,
        written_at: writtenAt,
      }))
      await db.query(INSERT, [JSON.stringify(rows)])
    },
    /** What a customer used in a month such as '2027-01', by plan. */
    async usageIn(customer, month) {
      const { rows } = await db.query(SELECT, [customer, new Date(`${month}-01T00:00:00Z`)])
      return rows
    },
    async close() {
      await db.close()
      unlock()
    },
  }
}
