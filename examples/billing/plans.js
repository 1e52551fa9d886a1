import { quota } from '@sluice/quota'

// Small numbers, so that a loop of curl reaches them.
const free = quota('20/month')
const pro = quota('50/month', { overage: 25 })
const scale = quota('100/month', { soft: true })

/** What each plan is limited by. */
export const policies = {
  free: ['10/s', free],
  pro: ['100/s', pro],
  scale: ['1000/s', scale],
}

/** What each plan is billed by. Money is in whole cents. */
export const prices = {
  free: { included: free.quota, centsPerUnitOver: 0 },
  pro: { included: pro.quota, centsPerUnitOver: 2 },
  scale: { included: scale.quota, centsPerUnitOver: 1 },
}

/** Who has which API key. A real service keeps this in its database, and of each key only a hash. */
export const customers = new Map([
  ['key-initech', { name: 'initech', plan: 'free' }],
  ['key-acme', { name: 'acme', plan: 'pro' }],
  ['key-globex', { name: 'globex', plan: 'scale' }],
])
