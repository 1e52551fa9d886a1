import DataLoader from 'dataloader'

/** As many as OpenAI takes in one request. */
export const MOST_TEXTS = 2_048

/** Joins the texts that a tenant asks for within ten milliseconds into one request for each model. */
export function createEmbedder(send) {
  const loaders = new Map()
  return (tenant, model, texts) => {
    const id = JSON.stringify([tenant, model])
    let loader = loaders.get(id)
    if (loader === undefined) {
      loader = new DataLoader((all) => embed(send, model, all), {
        cache: false,
        maxBatchSize: MOST_TEXTS,
        batchScheduleFn: (go) => setTimeout(go, 10),
      })
      loaders.set(id, loader)
    }
    return Promise.all(texts.map((text) => loader.load(text)))
  }
}

/** A vector for each text, and its part of the tokens, by its length. */
async function embed(send, model, texts) {
  const { data, usage } = await send(model, texts)
  let left = usage.prompt_tokens
  let ahead = texts.reduce((sum, text) => sum + text.length, 0)
  return texts.map((text, i) => {
    const tokens = ahead === 0 ? 0 : Math.round((left * text.length) / ahead)
    left -= tokens
    ahead -= text.length
    return { embedding: data[i].embedding, tokens }
  })
}

/** As a client asked for it: the SDK of OpenAI asks for base64 unless it is told otherwise. */
export function encoded(embedding, format) {
  if (format !== 'base64') return embedding
  return Buffer.from(Float32Array.from(embedding).buffer).toString('base64')
}
