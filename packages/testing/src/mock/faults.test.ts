import { describe, expect, it } from 'vitest'
import { type Fault, Faults } from './faults.ts'

/** What happens to so many requests of a route, one after the other. */
function fates(given: Fault | readonly Fault[], count: number, path = '/'): unknown[] {
  const faults = new Faults(given)
  return Array.from({ length: count }, () => faults.next('GET', path).fault ?? 'none')
}

describe('faults', () => {
  it('come with every so many-th request', () => {
    const fault = { every: 3, status: 503 }
    expect(fates(fault, 7)).toEqual(['none', 'none', fault, 'none', 'none', fault, 'none'])
  })

  it('come from one request on, up to another', () => {
    const storm = { from: 2, to: 3, status: 429, retryAfter: 2 }
    expect(fates(storm, 4)).toEqual(['none', storm, storm, 'none'])
  })

  it('count the requests of their own route', () => {
    const faults = new Faults({ to: 1, status: 500, route: 'POST /login' })
    expect(faults.next('GET', '/login').fault).toBeUndefined()
    expect(faults.next('POST', '/login').fault).toMatchObject({ status: 500 })
    expect(faults.next('POST', '/login').fault).toBeUndefined()
  })

  it('give way to the first that applies, but clocks are wrong in any case', () => {
    const faults = new Faults([{ clockSkewMs: -1_000 }, { hang: true }, { status: 503 }, { clockSkewMs: 3_000 }])
    expect(faults.next('GET', '/')).toEqual({ fault: { hang: true }, skewMs: 2_000 })
  })

  it('begin anew after a reset', () => {
    const faults = new Faults({ to: 1, hang: true })
    expect(faults.next('GET', '/').fault).toBeDefined()
    expect(faults.next('GET', '/').fault).toBeUndefined()
    faults.reset()
    expect(faults.next('GET', '/').fault).toBeDefined()
  })

  it.each([
    [{ status: 503, hang: true }, /each fault does one thing/],
    [{ every: 7 }, /each fault does one thing, as in \{ every: 7, status: 503 \}/],
    [{ status: 200 }, /faults: status: expected a whole number from 400 to 599/],
    [{ status: 503, retryafter: 2 }, /no option "retryafter". Did you mean "retryAfter"/],
    [{ hang: true, retryAfter: 2 }, /a fault has no option "retryAfter"/],
    [{ from: 5, to: 2, hang: true }, /from \(5\) is after to \(2\)/],
    [{ every: 0, hang: true }, /faults: every: expected a whole number from 1/],
    [{ reset: 'head' }, /reset is true or 'body', got "head"/],
    [{ hang: 'yes' }, /hang is true/],
    [{ status: 503, retryAfter: 1, retryAfterForm: 'ms' }, /retryAfterForm is 'seconds' or 'date'/],
    ['503', /expected faults such as/],
  ])('that cannot be right are refused: %j', (given, message) => {
    expect(() => new Faults(given as Fault)).toThrow(message)
  })
})
