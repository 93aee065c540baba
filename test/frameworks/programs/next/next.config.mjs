import { fileURLToPath } from 'node:url'

export default {
  output: 'standalone',
  // The packages are installed one directory above.
  outputFileTracingRoot: fileURLToPath(new URL('..', import.meta.url)),
}
