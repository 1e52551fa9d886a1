module.exports = {
  testEnvironment: 'node',
  projects: [
    { displayName: 'required', testMatch: ['**/required.test.js'], transform: {} },
    { displayName: 'babel-jest', testMatch: ['**/imported.test.js'], transform: { '\\.js$': 'babel-jest' } },
    { displayName: 'ts-jest', testMatch: ['**/typed.test.ts'], transform: { '\\.ts$': 'ts-jest' } },
  ],
}
