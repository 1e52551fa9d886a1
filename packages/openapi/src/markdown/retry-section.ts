import { fence } from './blocks.js'

/** How clients wait, in programs that run as they are. */
export function retrySection(url: string): string {
  return [
    '## Retries',
    'After a denial, wait for the seconds in `Retry-After` before you try again: an earlier attempt is denied too. A denial without ' +
      '`Retry-After` is final: do not repeat the request as it is. Keep count of your attempts, and give up after a few.',
    '### curl',
    'curl waits as `Retry-After` asks:',
    fence('sh', `curl --fail --silent --show-error --retry 5 '${url}'`),
    '### JavaScript',
    fence('js', javascript(url)),
    'Or with the client [`@sluice/client`](https://www.npmjs.com/package/@sluice/client), which also slows down before it is denied:',
    fence('js', client(url)),
    '### Python',
    fence('python', python(url)),
  ].join('\n\n')
}

function javascript(url: string): string {
  return `async function request(url, options) {
  for (let attempt = 1; ; attempt++) {
    const response = await fetch(url, options)
    const seconds = response.headers.get('Retry-After')
    if (response.status !== 429 || seconds === null || attempt === 5) return response
    await response.body?.cancel()
    await new Promise((resolve) => setTimeout(resolve, Number(seconds) * 1000))
  }
}

const response = await request('${url}')
console.log(response.status)`
}

function client(url: string): string {
  return `import { createFetch } from '@sluice/client'

const request = createFetch()

const response = await request('${url}')
console.log(response.status)`
}

function python(url: string): string {
  return `import time
import urllib.error
import urllib.request


def request(url, attempts=5):
    for attempt in range(1, attempts + 1):
        try:
            return urllib.request.urlopen(url)
        except urllib.error.HTTPError as error:
            seconds = error.headers.get("Retry-After")
            if error.code != 429 or seconds is None or attempt == attempts:
                raise
            time.sleep(int(seconds))


with request("${url}") as response:
    print(response.status)`
}
