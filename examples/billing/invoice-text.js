import { prices } from './plans.js'

const MONTH = /^\d{4}-(0[1-9]|1[0-2])$/

export function isMonth(text) {
  return MONTH.test(text)
}

/** An invoice to read, of what a customer used in a month by plan. */
export function invoiceText(customer, month, usage) {
  if (usage.length === 0) return `Invoice for ${customer}, ${month}\n\nNo usage.\n`
  const lines = usage.map(lineOf)
  const cents = lines.reduce((sum, line) => sum + line.cents, 0)
  const recordedAt = new Date(Math.max(...usage.map((row) => row.written_at)))
  return `Invoice for ${customer}, ${month}

${columns('Plan', 'Included', 'Used', 'Over', 'Per unit over', 'Amount')}
${lines.map(({ text }) => text).join('\n')}

Total: ${money(cents)}
Last usage recorded: ${recordedAt.toISOString()}
`
}

function lineOf({ plan, units, over }) {
  const price = prices[plan]
  if (price === undefined) throw new Error(`The plan "${plan}" has no price. Add it to plans.js.`)
  const { included, centsPerUnitOver } = price
  const cents = over * centsPerUnitOver
  const text = columns(plan, count(included), count(units), count(over), money(centsPerUnitOver), money(cents))
  return { cents, text }
}

function columns(plan, included, used, over, perUnit, amount) {
  const numbers = [included, used, over].map((cell) => cell.padStart(10)).join('')
  return `${plan.padEnd(8)}${numbers}${perUnit.padStart(15)}${amount.padStart(12)}`
}

function count(units) {
  return units.toLocaleString('en-US')
}

function money(cents) {
  return (cents / 100).toLocaleString('en-US', { style: 'currency', currency: 'USD' })
}
