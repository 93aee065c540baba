// Loaded before the preload of endless, which hides the channel to the parent: what is sent there is watched from
// the first message on.
const { hideOption, watchSends } = require('./at-a-moment.cjs')

hideOption(__filename)
watchSends()
