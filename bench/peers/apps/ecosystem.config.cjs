// PM2's graceful start and stop, as its documentation has it.
module.exports = {
  apps: [
    {
      script: 'apps/pm2-graceful.mjs',
      instances: Number(process.env.WORKERS),
      exec_mode: 'cluster',
      wait_ready: true,
      listen_timeout: 10_000,
      kill_timeout: 10_000,
    },
  ],
}
