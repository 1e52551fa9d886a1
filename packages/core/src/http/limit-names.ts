import { ConfigError } from '../errors.js'
import type { Policy } from '../policies/policy.js'

/** The names that clients see, and what each stands for. */
export class LimitNames {
  readonly #buckets = new Map<string, { readonly bucket: string; readonly unnamed: boolean }>()

  /**
   * Limits of one name share their buckets on purpose; two different ones must not look the same to clients, and a
   * limit without a name must not share one by accident.
   * @throws {ConfigError} on either.
   */
  add(limit: string, policies: readonly Policy[], unnamed: boolean): void {
    const shown = policies.map(({ name, address }) => ({ name, bucket: bucketOf(address) }))
    for (const { name, bucket } of [{ name: limit, bucket: limit }, ...shown]) {
      const known = this.#buckets.get(name)
      // A policy with a name of its own has it on purpose, whatever its limit is called.
      const isUnnamed = unnamed && bucket === limit
      if (known !== undefined && (known.bucket !== bucket || known.unnamed !== isUnnamed)) {
        throw new ConfigError(
          known.bucket === bucket
            ? `name: "${name}" is also what a limit without a name is called. Give both limits names of their own.`
            : `name: "${name}" would stand for a policy of limit "${bucket}" and for one of "${known.bucket}". Rename one of them.`,
        )
      }
      if (known === undefined && (name !== limit || name === bucket))
        this.#buckets.set(name, { bucket, unnamed: isUnnamed })
    }
  }
}

/** The name in an address: all but the last three parts. */
function bucketOf(address: string): string {
  return address.split(':').slice(0, -3).join(':')
}
