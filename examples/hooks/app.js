// Hooks around a restart and before the exit:  node examples/hooks/app.js
//   kill -HUP $(cat app.pid)    restarts it
//   kill $(cat app.pid)         ends it
import { endless, generation } from '@endless/core'

const say = (text) => console.log(`generation ${generation.number}, pid ${process.pid}: ${text}`)

const server = endless((request, response) => response.end('Hello\n'), {
  pidFile: process.env.PID_FILE ?? 'app.pid',
  hooks: {
    before: { SIGHUP: () => say('about to restart'), SIGUSR1: () => say('SIGUSR1') },
    after: { SIGTERM: [() => say('drained'), () => say('going')] },
  },
})

server.beforeBegin = async (address) => {
  // Connect to a database here: this process takes over only after this promise has settled.
  say(`bound ${address}`)
}

generation
  .on('restart-failed', (error) => say(`still here: ${error.message}`))
  .on('taken-over', ({ pid }) => say(`pid ${pid} has taken over`))
  .onTerminate(() => say('disconnecting from the database'))

server.listen(process.env.PORT ?? 4242)
