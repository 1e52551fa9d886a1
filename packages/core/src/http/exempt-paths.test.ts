import { expect, it } from 'vitest'
import { ExemptPaths } from './exempt-paths.ts'

it('what is below a path is exempt, and nothing that an app could read as another path', () => {
  const paths = new ExemptPaths()
  expect(paths.isEmpty).toBe(true)
  paths.add('/')
  paths.add('')
  expect(paths.cover('/login')).toBe(false)
  paths.add('/ops/_sluice/')
  for (const target of ['/ops/_sluice', '/ops/_sluice/', '/ops/_sluice/api/live?x=1', '/ops/_sluice?x']) {
    expect([target, paths.cover(target)]).toEqual([target, true])
  }
  const others = [
    '/ops',
    '/ops/_sluice-2',
    '/OPS/_SLUICE',
    '/ops/_sluice/../../login',
    '/ops/_sluice/%2e%2e/login',
    '/login?/ops/_sluice',
  ]
  for (const target of [...others, '/ops/_sluice//login', '/ops/_sluice/..%2Flogin', '/ops/_sluice/\\..\\login']) {
    expect([target, paths.cover(target)]).toEqual([target, false])
  }
})
