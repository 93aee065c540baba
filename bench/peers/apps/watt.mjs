import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'

// Writes the configuration of a Watt project into a folder, for one application. Arguments: the folder, and how many
// workers.
const [folder, workers] = process.argv.slice(2)
const main = join(folder, 'main')
const write = (path, content) => writeFileSync(path, JSON.stringify(content))
mkdirSync(main, { recursive: true })
for (const at of [folder, main])
  symlinkSync(join(process.cwd(), 'node_modules'), join(at, 'node_modules'))
write(join(folder, 'watt.json'), {
  $schema: 'https://schemas.platformatic.dev/wattpm/3.65.0.json',
  entrypoint: 'main',
  applications: [{ id: 'main', path: 'main' }],
  workers: { static: Number(workers) },
  server: { hostname: '127.0.0.1', port: Number(process.env.PORT) },
  logger: { level: 'warn' },
})
// `wattpm restart` finds a running project by this name.
write(join(folder, 'package.json'), { name: basename(folder), type: 'module' })
write(join(main, 'package.json'), { name: 'main', type: 'module', main: 'index.mjs' })
write(join(main, 'watt.json'), {
  $schema: 'https://schemas.platformatic.dev/@platformatic/node/3.65.0.json',
})
writeFileSync(
  join(main, 'index.mjs'),
  `export * from ${JSON.stringify(join(process.cwd(), 'apps/watt-app.mjs'))}\n`,
)
