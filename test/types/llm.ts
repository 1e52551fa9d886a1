// What the editor must accept and refuse of @sluice/llm; checked by the compiler alone.
import { concurrency } from '@sluice/core'
import { sluice as forExpress, plans } from '@sluice/express'
import { sluice as forFastify } from '@sluice/fastify'
import { sluice as forKoa } from '@sluice/koa'
import { llm } from '@sluice/llm'
import { quota } from '@sluice/quota'
import type { Request } from 'express'

const limit = forExpress()
declare const fromConfig: string

limit(llm({ provider: 'openai', limits: '100k tokens/min' }))
limit(
  llm({
    provider: 'openai',
    limits: ['60/min', '$5/day', quota('$50/month'), concurrency(4), '600 inference s/hour'],
    prices: {},
  }),
)
limit(llm({ provider: 'openai', limits: fromConfig }))
limit(
  llm({
    provider: 'anthropic',
    limits: [
      '60/min',
      { policy: '1M input tokens/min', name: 'team', key: (req, call) => req.get('x-team') ?? call.model },
    ],
    onCharged: ({ microDollars }, req) => console.log(req.path, microDollars?.toFixed()),
  }),
)
limit(llm({ provider: 'openai', limits: plans({ free: '10/min' }, (req: Request) => req.path) }))
limit(llm({ provider: 'openai', limits: async (req, { model }) => (req.ip === model ? '10/min' : ['20/min']) }))
forKoa()(llm({ provider: 'gemini', limits: '10/min', model: (ctx) => ctx.path }))
forFastify()(llm({ provider: 'gemini', limits: '10/min', model: (request) => request.url }))
export const elsewhere = llm({ provider: 'openai', limits: ['60/min', '100k tokens/min'] })
limit(elsewhere)
export const typed = llm<Request>({ provider: 'openai', limits: ['60/min', { policy: '5/s', key: (req) => req.path }] })
limit(typed)

// @ts-expect-error a unit that is none
limit(llm({ provider: 'openai', limits: '100k token/min' }))
// @ts-expect-error one of several is wrong
limit(llm({ provider: 'openai', limits: ['60/min', '5 inference/min'] }))
// @ts-expect-error one of several is wrong, with a name
limit(llm({ provider: 'openai', limits: ['60/min', { policy: '100k tokens/mintue', name: 'x' }] }))
// @ts-expect-error a provider that is not known
limit(llm({ provider: 'openia', limits: '60/min' }))
// @ts-expect-error an option that is not known
limit(llm({ provider: 'openai', limits: '60/min', price: {} }))
// @ts-expect-error no limits
limit(llm({ provider: 'openai' }))
