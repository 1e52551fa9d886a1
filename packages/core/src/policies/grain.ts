/**
 * Milliseconds in a step of a sliding window's time. Where 2 × quota × window would leave the whole numbers of a double,
 * time is counted in coarser steps, rounded to the strict side; elsewhere in milliseconds.
 */
export function grainMs(quota: number, windowMs: number): number {
  const product = quota * windowMs
  return product <= LARGEST_PRODUCT ? 1 : Math.ceil(product / LARGEST_PRODUCT)
}

const LARGEST_PRODUCT = 2 ** 51
