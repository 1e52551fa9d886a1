import { createHash } from 'node:crypto'

/**
 * Answers to requests that were asked before, word for word, at temperature 0. A key has its tenant in it, so that nobody sees another's;
 * only answers that are complete are kept. The first to ask is waited for by those who ask the same meanwhile.
 */
export class Cache {
  #answers = new Map()
  #underWay = new Map()
  #most

  constructor(most = 1_000) {
    this.#most = most
  }

  /** `undefined` for what is not to be cached. */
  static keyOf(tenant, asked, name) {
    if (asked.temperature !== 0) return undefined
    const { stream: _stream, includeUsage: _usage, ...rest } = asked
    return createHash('sha256')
      .update(JSON.stringify([tenant, name, rest]))
      .digest('hex')
  }

  get(key) {
    const answer = this.#answers.get(key)
    if (answer === undefined) return undefined
    // The one that was used last stands last.
    this.#answers.delete(key)
    this.#answers.set(key, answer)
    return answer
  }

  /** A new configuration may have other models, and other prices. */
  clear() {
    this.#answers.clear()
  }

  /** An answer that is being made, for those who want the same; `undefined` where nobody is making it, or it came to nothing. */
  joined(key) {
    return this.#underWay.get(key)
  }

  /** Announces an answer. The function returned takes it when it is complete, or nothing where it came to nothing. */
  begin(key) {
    let resolve
    const promise = new Promise((done) => {
      resolve = done
    })
    this.#underWay.set(key, promise)
    return (answer) => {
      if (this.#underWay.get(key) === promise) this.#underWay.delete(key)
      if (answer !== undefined) {
        this.#answers.set(key, answer)
        if (this.#answers.size > this.#most) this.#answers.delete(this.#answers.keys().next().value)
      }
      resolve(answer)
    }
  }
}
