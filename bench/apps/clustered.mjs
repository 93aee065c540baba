import cluster from 'node:cluster'
import { fileURLToPath } from 'node:url'

// Runs another app of this directory in workers of node:cluster, as its documentation shows.

const { APP, WORKERS } = process.env

cluster.schedulingPolicy = cluster.SCHED_RR
cluster.setupPrimary({
  exec: fileURLToPath(new URL(`${APP}.mjs`, import.meta.url)),
  args: ['--bare'],
})
for (let count = 0; count < Number(WORKERS); count++) cluster.fork()
