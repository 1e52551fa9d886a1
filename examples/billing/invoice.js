// Prints what a customer has to pay for a month: node invoice.js acme 2027-01
import { existsSync } from 'node:fs'
import { invoiceText, isMonth } from './invoice-text.js'
import { ledgerFolder, openLedgerTable } from './ledger-table.js'
import { customers } from './plans.js'

const [customer, month, ...more] = process.argv.slice(2)
const names = [...customers.values()].map(({ name }) => name)

if (month === undefined || more.length > 0) fail('Usage: node invoice.js <customer> <YYYY-MM>')
if (!names.includes(customer)) fail(`There is no customer "${customer}". Customers: ${names.join(', ')}.`)
if (!isMonth(month)) fail(`"${month}" is not a month. Expected a year and a month, as in 2027-01.`)
if (!existsSync(ledgerFolder))
  fail(`There is no ledger in ${ledgerFolder}. Start the server first, or set BILLING_DATA.`)

const table = await openLedgerTable(ledgerFolder).catch((error) => fail(error.message))
process.stdout.write(invoiceText(customer, month, await table.usageIn(customer, month)))
await table.close()

function fail(message) {
  console.error(message)
  process.exit(1)
}
