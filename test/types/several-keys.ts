/** What compiles, and what does not, where policies have keys and costs of their own. */
import { createLimiter, sluice, tokenBucket } from '@sluice/express'

const limit = sluice()
const n: number = 5
const plan: string = '10/min'

limit(`${n}/min`)
limit(`${plan}`)
limit([`${n}/min`, '10/s'])
limit({ policy: '10k/min', key: (req) => req.get('x-team') ?? 'nobody' })
limit([
  '10/s',
  { policy: '10k/min', key: () => 'all', name: 'everybody' },
  {
    policy: tokenBucket('1M tokens/day'),
    key: async (req) => req.hostname,
    cost: (req) => Number(req.query['tokens']),
  },
])
limit((req) => (req.get('x-plan') === 'pro' ? '1000/min' : ['10/min', { policy: '100/day', key: () => 'all' }]))
limit('10/s', { key: undefined, cost: undefined, name: undefined, skip: undefined, refund: async () => true })

// @ts-expect-error a text in a list is checked
limit(['10/s', { policy: '10k/mintue' }])
// @ts-expect-error a key is a string
limit([{ policy: '10k/min', key: () => 7 }])
// @ts-expect-error a cost is a number
limit([{ policy: '10k/min', cost: () => 'many' }])

const limiter = createLimiter({ policies: ['10/s', { policy: '10k/min', name: 'everybody' }] })
limiter.consume({ 'default-1s': 'user', everybody: 'all' }, { cost: { everybody: 5 } })
// @ts-expect-error a key is a string, for each policy too
limiter.consume({ everybody: 5 })
