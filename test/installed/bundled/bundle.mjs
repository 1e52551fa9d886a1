// node bundle.mjs BUNDLER FORMAT ENTRY
const [, , bundler, format, entry] = process.argv
const file = `${bundler}-${format}-${entry}.${format === 'esm' ? 'mjs' : 'cjs'}`

/** What an ES module needs that holds CommonJS code which requires Node's own modules. */
const REQUIRE = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);"

const bundlers = {
  async esbuild() {
    const { build } = await import('esbuild')
    await build({
      entryPoints: [`${entry}.mjs`],
      bundle: true,
      platform: 'node',
      format,
      outfile: `out/${file}`,
      logLevel: 'warning',
      banner: format === 'esm' ? { js: REQUIRE } : {},
    })
  },
  async webpack() {
    const { default: webpack } = await import('webpack')
    const library = format === 'esm' ? { type: 'module' } : { type: 'commonjs2' }
    const options = {
      mode: 'production',
      target: 'node20',
      entry: `./${entry}.mjs`,
      experiments: { outputModule: format === 'esm' },
      output: { path: `${import.meta.dirname}/out`, filename: file, library },
    }
    await new Promise((resolve, reject) => {
      webpack(options, (error, stats) => {
        if (error ?? stats?.hasErrors()) reject(error ?? new Error(stats.toString()))
        else if (stats.hasWarnings()) reject(new Error(stats.toString({ all: false, warnings: true })))
        else resolve()
      })
    })
  },
  async rollup() {
    const { rollup } = await import('rollup')
    const plugins = await Promise.all(
      ['node-resolve', 'commonjs', 'json'].map(async (name) => (await import(`@rollup/plugin-${name}`)).default),
    )
    const [resolve, commonjs, json] = plugins
    const bundle = await rollup({
      input: `${entry}.mjs`,
      plugins: [resolve({ preferBuiltins: true }), commonjs(), json()],
      onwarn(warning) {
        if (String(warning.id ?? warning.ids ?? warning.loc?.file).includes('@sluice')) throw new Error(warning.message)
      },
    })
    await bundle.write({ file: `out/${file}`, format, inlineDynamicImports: true })
  },
}

await bundlers[bundler]()
