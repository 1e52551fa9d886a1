// `npm test`: build, type check, lint and every test. Arguments go to vitest.
import { bootstrap, run, tool } from './bootstrap.mjs'
import { ensureBrowser, ensurePromtool } from './debian.mjs'
import { ensureRedis } from './redis.mjs'

bootstrap()
run(tool('tsc'), ['-p', 'tsconfig.test.json'], 'The tests do not type-check; see the messages above.')
run(tool('tsc'), ['-p', 'packages/dashboard/ui'], 'The dashboard’s page does not type-check; see the messages above.')
run(tool('tsc'), ['-p', 'packages/cli/report'], 'The simulator’s report does not type-check; see the messages above.')
run(
  tool('biome'),
  ['check', '--error-on-warnings', '.'],
  'The linter found something; `npx biome check --write .` mends most of it.',
)
// vitest.config.ts leaves out what starts servers of its own.
if (!ensureRedis()) process.env.SLUICE_NO_REDIS_SERVER = 'yes'
ensurePromtool()
ensureBrowser()
run(tool('vitest'), ['run', ...process.argv.slice(2)], 'A test failed; see above.')
