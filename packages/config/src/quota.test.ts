import { ConfigError } from '@sluice/core'
import { describe, expect, it } from 'vitest'
import { loadQuota } from './quota.ts'

const failing = (code: string, message: string) => () => Promise.reject(Object.assign(new Error(message), { code }))

describe('loadQuota', () => {
  it('says what to install where @sluice/quota is missing', async () => {
    const loading = loadQuota(failing('ERR_MODULE_NOT_FOUND', "Cannot find package '@sluice/quota' imported from x"))
    await expect(loading).rejects.toThrow(ConfigError)
    await expect(loading).rejects.toThrow('quota needs @sluice/quota. Run: npm install @sluice/quota.')
  })

  it('passes other errors on', async () => {
    await expect(loadQuota(failing('ERR_MODULE_NOT_FOUND', "Cannot find package 'x'"))).rejects.toThrow("package 'x'")
    await expect(loadQuota(failing('ERR_OTHER', '@sluice/quota is broken'))).rejects.toThrow('is broken')
  })
})
