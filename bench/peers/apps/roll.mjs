import cluster from 'node:cluster'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

// A rolling restart of node:cluster, as it is written by hand everywhere: on SIGHUP, one worker after the other is
// started anew, and the old one is told to end when the new one listens. The arguments: the worker's program, and how
// many.
const [program, count] = process.argv.slice(2)
cluster.setupPrimary({ exec: fileURLToPath(new URL(program, import.meta.url)), args: [] })

let workers = []
for (let number = 0; number < Number(count); number++) workers.push(await start())

let rolled = Promise.resolve()
process.on('SIGHUP', () => (rolled = rolled.then(roll)))
process.once('SIGTERM', () => {
  for (const worker of workers) worker.process.kill('SIGTERM')
})

async function roll() {
  for (const old of workers) {
    let successor
    try {
      successor = await start()
    } catch (error) {
      console.error(`The roll has stopped: ${error.message}`)
      return
    }
    old.process.kill('SIGTERM')
    workers = workers.map((worker) => (worker === old ? successor : worker))
  }
}

async function start() {
  const worker = cluster.fork()
  const ended = once(worker, 'exit').then(() => {
    throw new Error('the new worker has ended')
  })
  ended.catch(() => undefined)
  await Promise.race([once(worker, 'listening'), ended])
  return worker
}
