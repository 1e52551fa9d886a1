const { createFetch } = require('@sluice/client')
const { expectPolite } = require('@sluice/testing')

test('our client is polite', async () => {
  const api = createFetch()
  await expectPolite((url, { signal }) => api(url, { signal }))
}, 20_000)
