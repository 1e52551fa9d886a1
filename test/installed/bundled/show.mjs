export async function show(limiter) {
  const key = `bundle-${process.pid}-${Date.now()}`
  const decisions = [await limiter.consume(key), await limiter.consume(key)]
  if (decisions.some(({ degraded }) => degraded)) throw new Error('decided without Redis')
  console.log(decisions.map(({ allowed }) => (allowed ? 'allowed' : 'denied')).join(', '))
  await limiter.close()
}
