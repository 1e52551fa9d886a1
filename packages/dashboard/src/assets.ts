import { brotliDecompressSync, gzipSync } from 'node:zlib'
import { packed } from './generated/packed.js'

/** A file of the page, as it is sent. */
export interface Asset {
  readonly type: string
  readonly br: Buffer
  readonly gzip: Buffer
  plain(): Buffer
}

/** By name. They stand in the package as text, so that bundlers and images without a file system have them too. */
export const assets: ReadonlyMap<string, Asset> = new Map(
  packed.map(({ name, type, brotli }) => [name, assetOf(type, Buffer.from(brotli, 'base64'))]),
)

function assetOf(type: string, br: Buffer): Asset {
  let gzip: Buffer | undefined
  return {
    type,
    br,
    get gzip() {
      gzip ??= gzipSync(brotliDecompressSync(br))
      return gzip
    },
    plain: () => brotliDecompressSync(br),
  }
}
