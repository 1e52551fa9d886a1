import fc from 'fast-check'
import ipaddr from 'ipaddr.js'
import { describe, expect, it } from 'vitest'
import { KeyError } from '../errors.ts'
import { clientKey } from './client-ip.ts'

describe('clientKey', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['192.0.2.1:443', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::ffff:c000:201', '192.0.2.1'],
    ['2001:db8:0:1:a:b:c:d', '2001:db8:0:1::/64'],
    ['2001:DB8:0:1::9', '2001:db8:0:1::/64'],
    ['[2001:db8::1]:443', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['64:ff9b::192.0.2.1', '192.0.2.1'],
  ])('makes of %s the key %s', (address, key) => {
    expect(clientKey(address)).toBe(key)
  })

  it.each([
    undefined,
    '',
    'unknown',
    '1.2.3',
    '1.2.3.256',
    '01.2.3.4',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7:8:9',
    '::g',
    '1:2',
  ])('refuses %o', (address) => {
    expect(() => clientKey(address)).toThrow(KeyError)
  })

  it('gives all addresses of a /64 one key, and others another, as ipaddr.js reads them', () => {
    fc.assert(
      fc.property(fc.ipV6(), (address) => {
        // ipaddr.js reads the deprecated ::a.b.c.d (RFC 4291 §2.5.5.1) as a mapped address; it is not one.
        fc.pre(!/^::\d+\.\d+\.\d+\.\d+$/.test(address))
        const parts = ipaddr.IPv6.parse(address)
        const expected = parts.isIPv4MappedAddress()
          ? parts.toIPv4Address().toString()
          : `${parts.parts
              .slice(0, 4)
              .map((part) => part.toString(16))
              .join(':')}::/64`
        expect(clientKey(address)).toBe(expected)
      }),
      { numRuns: 2_000 },
    )
  })

  it('reads IPv4 as it is', () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        expect(clientKey(address)).toBe(address)
      }),
    )
  })
})

describe('an IPv6 prefix', () => {
  it.each([
    [32, '2001:db8::/32'],
    [48, '2001:db8:abcd::/48'],
    [56, '2001:db8:abcd:1200::/56'],
    [64, '2001:db8:abcd:12ff::/64'],
    [127, '2001:db8:abcd:12ff:0:0:0:fffe/127'],
    [128, '2001:db8:abcd:12ff:0:0:0:ffff/128'],
  ])('of %i bits', (bits, key) => {
    expect(clientKey('2001:db8:abcd:12ff::ffff', bits)).toBe(key)
    expect(clientKey('192.0.2.1', bits)).toBe('192.0.2.1')
  })
})
