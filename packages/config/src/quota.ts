import { ConfigError, type Policy } from '@sluice/core'

/** `quota` of @sluice/quota. */
export type QuotaConstructor = (text: string, options: object) => Policy

interface QuotaModule {
  readonly quota: QuotaConstructor
}

/** Not a literal: the package is only needed by configurations with quotas, and the compiler would want it always. */
const QUOTA: string = '@sluice/quota'

/**
 * Loads @sluice/quota.
 * @throws {ConfigError} where it is not installed.
 */
export async function loadQuota(load: () => Promise<QuotaModule> = () => import(QUOTA)): Promise<QuotaConstructor> {
  try {
    return (await load()).quota
  } catch (error) {
    if (!isMissing(error)) throw error
    throw new ConfigError(`quota needs ${QUOTA}. Run: npm install ${QUOTA}.`)
  }
}

function isMissing(error: unknown): boolean {
  return (
    error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND' && error.message.includes(QUOTA)
  )
}
