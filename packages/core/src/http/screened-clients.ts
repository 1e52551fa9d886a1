import type { Ask } from '../decisions/ask.js'
import { Decision } from '../decisions/decision.js'
import { blockedStanding } from '../limiter/overridden-asks.js'
import { isThenable } from '../runtime/thenable.js'
import type { ClientList } from './client-list.js'
import type { CheckedOptions } from './limit-options.js'
import type { RequestReader } from './passage.js'

type Lists<Req> = readonly ClientList<Req>[]

/** Who is allowed, and who is blocked, whatever a limit's policies say. */
export class ScreenedClients<Req> {
  readonly #allow: Lists<Req>
  readonly #block: Lists<Req>
  readonly #reader: RequestReader<Req>

  /** `undefined` where nobody is. */
  static of<Req>({ allow, block }: CheckedOptions<Req>, reader: RequestReader<Req>): ScreenedClients<Req> | undefined {
    return allow.length === 0 && block.length === 0 ? undefined : new ScreenedClients(allow, block, reader)
  }

  constructor(allow: Lists<Req>, block: Lists<Req>, reader: RequestReader<Req>) {
    this.#allow = allow
    this.#block = block
    this.#reader = reader
  }

  /** By the request alone, before any of the limit's own functions is called. */
  isAllowed(request: Req): boolean | Promise<boolean> {
    return this.#isIn(this.#allow, request)
  }

  isAllowedKey(asks: readonly Ask[]): boolean {
    return hasKeyOf(this.#allow, asks)
  }

  isBlocked(request: Req, asks: readonly Ask[]): boolean | Promise<boolean> {
    return hasKeyOf(this.#block, asks) || this.#isIn(this.#block, request)
  }

  #isIn(lists: Lists<Req>, request: Req): boolean | Promise<boolean> {
    const address = lists.length === 0 ? undefined : this.#reader.ip(request)
    const later: Promise<boolean>[] = []
    for (const list of lists) {
      const answer = list.has(request, address)
      if (!isThenable(answer)) {
        if (answer) return true
      } else {
        // Where another list answers first, or throws, nobody waits for this one.
        answer.catch(() => undefined)
        later.push(answer)
      }
    }
    return later.length > 0 && Promise.all(later).then((answers) => answers.some(Boolean))
  }
}

function hasKeyOf<Req>(lists: Lists<Req>, asks: readonly Ask[]): boolean {
  return lists.some((list) => list.hasKeys && asks.some(({ key }) => list.hasKey(key)))
}

/** The answer to a client that is blocked: as where its key is. */
export function blockedDecision(asks: readonly Ask[]): Decision {
  const override = { key: asks[0]?.key ?? '', to: 'blocked', expiresAt: null, reason: 'block' } as const
  const standings = asks.map((ask) => blockedStanding(ask, override))
  return new Decision(asks, standings, 'consume').by(override)
}
