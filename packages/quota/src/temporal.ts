/** The native `Temporal` where there is one. Imported nowhere else: the build bundles this file for CommonJS. */
export { Temporal } from 'temporal-polyfill'
