import DataLoader from 'dataloader'

/** Joins the texts that come within ten milliseconds into one request for each model. */
export function createEmbedder(send) {
  const loaders = new Map()
  return (model, texts) => {
    let loader = loaders.get(model)
    if (loader === undefined) {
      loader = new DataLoader((all) => embed(send, model, all), {
        cache: false,
        maxBatchSize: 256,
        batchScheduleFn: (go) => setTimeout(go, 10),
      })
      loaders.set(model, loader)
    }
    return Promise.all(texts.map((text) => loader.load(text)))
  }
}

/** A vector for each text, and its part of the tokens, by its length. */
async function embed(send, model, texts) {
  const { data, usage } = await send(model, texts)
  const all = texts.reduce((sum, text) => sum + text.length, 0)
  let left = usage.prompt_tokens
  let ahead = all
  return texts.map((text, i) => {
    const tokens = ahead === 0 ? 0 : Math.round((left * text.length) / ahead)
    left -= tokens
    ahead -= text.length
    return { embedding: data[i].embedding, tokens }
  })
}
