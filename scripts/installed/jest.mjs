// Jest with CommonJS tests, babel-jest and ts-jest, over the packages as they are installed.
import { join } from 'node:path'
import { newApp, succeeds } from './workshop.mjs'

export async function checkJest(place, tarballs, env) {
  for (const version of ['29', '30']) {
    const app = newApp(join(place, `jest-${version}`), 'jest', [
      ...tarballs,
      ...[
        `jest@${version}`,
        `babel-jest@${version}`,
        '@babel/core@7',
        '@babel/preset-env@7',
        'ts-jest@29',
        'typescript@5.9',
      ],
      ...[`@types/jest@${version}`, '@types/express@5', '@types/supertest', 'supertest@7', '@types/node@20'],
      ...['express@5', 'koa@3', 'fastify@5', 'ioredis@6', '@upstash/redis@1'],
    ])
    const text = await succeeds(`Jest ${version}`, process.execPath, ['node_modules/jest/bin/jest.js', '--ci'], {
      cwd: app,
      env,
    })
    console.log(/^Tests: .*$/m.exec(text)?.[0])
  }
}
