import { expect, it } from 'vitest'
import { Observed } from './observed.ts'

it('says nothing before ten numbers, then what 95 of the last 100 stay within', () => {
  const observed = new Observed()
  for (let i = 1; i <= 9; i++) observed.note('m', i)
  expect(observed.p95('m')).toBeUndefined()
  observed.note('m', 10)
  expect(observed.p95('m')).toBe(10)
  for (let i = 1; i <= 100; i++) observed.note('m', i)
  expect(observed.p95('m')).toBe(95)
  expect(observed.p95('other')).toBeUndefined()
})

it('forgets the models that have not been seen for the longest time', () => {
  const observed = new Observed()
  for (let i = 0; i < 10; i++) observed.note('kept', 5)
  for (let model = 0; model < 2_000; model++) {
    observed.note(`m${model}`, 1)
    observed.note('kept', 5)
  }
  for (let i = 0; i < 9; i++) observed.note('m0', 1)
  expect(observed.p95('kept')).toBe(5)
  expect(observed.p95('m0')).toBeUndefined()
})
