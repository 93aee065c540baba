// Loaded into each process of a service (`--require`), after the preload of endless, which takes what arrives from
// the parent: so that is watched outside of it.
const { watchChildren, watchReceipts } = require('./at-a-moment.cjs')

if (process.env.FAULTS_DIRECTORY !== undefined) {
  watchReceipts()
  watchChildren(__filename)
}
