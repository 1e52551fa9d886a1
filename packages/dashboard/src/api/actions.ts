import type { ObservedLimit } from '@sluice/core/observe'
import { describe, isError } from '@sluice/core/runtime'
import type { Visitor } from '../http/access.js'
import { HttpError } from '../http/exchange.js'
import type { Hub } from '../hub.js'
import { limitOf } from '../sources.js'
import { shownTo } from './views.js'

/** What can be done to a key. */
interface Action {
  /** How it stands, in a line for the audit log. */
  state(limit: ObservedLimit, key: string): Promise<string>
  run(limit: ObservedLimit, key: string, fields: Fields): Promise<void>
}

type Fields = Readonly<Record<string, unknown>>

const usageLine = async ({ controls }: ObservedLimit, key: string): Promise<string> => {
  const usage = await controls.usage(key)
  return Object.entries(usage)
    .map(([name, { used, quota, granted }]) => `${name}: ${used} of ${quota}${granted > 0 ? ` + ${granted}` : ''}`)
    .join(', ')
}

const banLine = async ({ controls }: ObservedLimit, key: string): Promise<string> => {
  const ban = (await controls.bans()).find((one) => one.key === key)
  if (ban === undefined) return 'not banned'
  return ban.until === null ? 'banned' : `banned until ${new Date(ban.until).toISOString()}`
}

const overrideLine = async ({ controls }: ObservedLimit, key: string): Promise<string> => {
  const override = (await controls.overrides()).find((one) => one.key === key)
  return override === undefined ? 'no override' : shownTo(override.to)
}

const ACTIONS: Readonly<Record<string, Action>> = {
  reset: {
    state: usageLine,
    run: async ({ controls }, key) => controls.reset(key),
  },
  ban: {
    state: banLine,
    async run({ controls }, key, { for: time }) {
      await controls.ban(key, time === undefined || time === '' ? {} : { for: time as never })
    },
  },
  unban: { state: banLine, run: ({ controls }, key) => controls.unban(key) },
  override: {
    state: overrideLine,
    async run({ controls }, key, { to, expiresAt, reason }) {
      const options = {
        ...(typeof reason === 'string' && reason !== '' ? { reason } : {}),
        ...(typeof expiresAt === 'number' ? { expiresAt: new Date(expiresAt) } : {}),
      }
      await controls.override(key, (to === '' || to === null ? undefined : to) as never, options)
    },
  },
  grant: {
    state: usageLine,
    async run({ controls }, key, { units, expiresAt }) {
      const options = typeof expiresAt === 'number' ? { expiresAt: new Date(expiresAt) } : {}
      await controls.grant(key, units as number, options)
    },
  },
}

/** Does what was asked for, and notes who did it. @throws {HttpError} on what is wrong with it. */
export async function act(hub: Hub, visitor: Visitor, body: unknown): Promise<object> {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new HttpError(400, 'The body is not a JSON object.')
  const { action: name, limit: limitName, key, ...fields } = body as Fields
  const action = typeof name === 'string' && Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined
  if (action === undefined) throw new HttpError(400, `action is one of ${Object.keys(ACTIONS).join(', ')}.`)
  if (typeof key !== 'string' || key === '' || key.length > 1_000)
    throw new HttpError(400, 'key: expected a text of 1 to 1,000 characters.')
  const limit = limitOf(hub.sources, limitName)
  try {
    const before = await action.state(limit, key)
    await action.run(limit, key, fields)
    const after = await action.state(limit, key)
    const entry = { at: Date.now(), who: visitor.name, action: String(name), limit: limit.name, key, before, after }
    await hub.noteAction(entry)
    return { before, after }
  } catch (error) {
    // What a user typed was wrong: that has a sentence for people, as a store has that does not answer.
    const code = isError(error) && 'code' in error ? error.code : undefined
    if (code !== undefined && code !== 'SLUICE_STORE') throw new HttpError(400, describe(error))
    if (error instanceof RangeError) throw new HttpError(400, error.message)
    throw error
  }
}
