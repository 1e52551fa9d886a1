import { ConfigError } from '../errors.js'
import { bucketOf, type Policy } from '../policies/policy.js'

/** The names that clients see, and what each stands for. */
export class LimitNames {
  readonly #buckets = new Map<string, { readonly bucket: string; readonly unnamed: boolean }>()
  /** The address of each policy that does not depend on the request. */
  readonly #addresses = new Map<string, string>()

  /** The same names, to which others can be added on trial. */
  copy(): LimitNames {
    const copy = new LimitNames()
    for (const [name, known] of this.#buckets) copy.#buckets.set(name, known)
    for (const [name, address] of this.#addresses) copy.#addresses.set(name, address)
    return copy
  }

  /**
   * Limits of one name share their buckets on purpose; two different ones must not look the same to clients, and a
   * limit without a name must not share one by accident.
   * @throws {ConfigError} on either.
   */
  add(limit: string, policies: readonly Policy[], unnamed: boolean): void {
    const shown = [{ name: limit, bucket: limit }, ...policies.map(shownAs)]
    // A policy with a name of its own has it on purpose, whatever its limit is called.
    const isUnnamed = (bucket: string): boolean => unnamed && bucket === limit
    for (const { name, bucket } of shown) {
      const known = this.#refuseOther(name, bucket)
      if (known === undefined || known.unnamed === isUnnamed(bucket)) continue
      throw new ConfigError(
        `name: "${name}" is also what a limit without a name is called. Give both limits names of their own.`,
      )
    }
    for (const { name, address } of policies) {
      const known = this.#addresses.get(name)
      if (known === undefined || known === address) continue
      throw new ConfigError(
        `name: "${name}" is already a limit with another window or algorithm (a text of up to 10 units is counted exactly), ` +
          'whose bucket it would not share. Clients could not tell the two apart: give one another name.',
      )
    }
    for (const { name, bucket } of shown) {
      if (this.#buckets.has(name) || (name === limit && name !== bucket)) continue
      this.#buckets.set(name, { bucket, unnamed: isUnnamed(bucket) })
    }
    for (const { name, address } of policies) this.#addresses.set(name, address)
  }

  /**
   * Policies that a function returned, which come and go, are only compared with those that stay.
   * @throws {ConfigError} where one would look to clients like another limit.
   */
  check(policies: readonly Policy[]): void {
    for (const { name, bucket } of policies.map(shownAs)) this.#refuseOther(name, bucket)
  }

  #refuseOther(name: string, bucket: string): { readonly bucket: string; readonly unnamed: boolean } | undefined {
    const known = this.#buckets.get(name)
    if (known !== undefined && known.bucket !== bucket) {
      throw new ConfigError(
        `name: "${name}" would stand for a policy of limit "${bucket}" and for one of "${known.bucket}". Rename one of them.`,
      )
    }
    return known
  }
}

/** What clients see of a policy, and the bucket it stands for. */
function shownAs(policy: Policy): { readonly name: string; readonly bucket: string } {
  return { name: policy.name, bucket: bucketOf(policy) }
}
