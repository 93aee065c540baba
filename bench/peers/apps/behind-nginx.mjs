import { fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

// nginx before two processes with server.close(), each on a port of its own. On SIGHUP one after the other is ended
// and started anew; nginx asks the other one meanwhile. With `max_fails`, it would take both for dead for a while.
const program = fileURLToPath(new URL('close.mjs', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'endless-peers-'))
const ports = [await freePort(), await freePort()]
// As root, nginx would drop its rights, and could not write what it buffers.
const configuration = `${process.getuid() === 0 ? 'user root;' : ''}
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log stderr;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  keepalive_requests 1000000;
  upstream app { ${ports.map((port) => `server 127.0.0.1:${port} max_fails=0;`).join(' ')} }
  server {
    listen 127.0.0.1:${process.env.PORT};
    location / {
      proxy_pass http://app;
      proxy_next_upstream error timeout http_502;
      proxy_request_buffering on;
    }
  }
}
`
writeFileSync(join(folder, 'nginx.conf'), configuration)
const apps = []
for (const port of ports) apps.push(await start(port))
const nginx = spawn('nginx', ['-p', folder, '-c', join(folder, 'nginx.conf')], { stdio: 'inherit' })

let rolled = Promise.resolve()
process.on('SIGHUP', () => (rolled = rolled.then(roll)))
process.once('SIGTERM', async () => {
  for (const child of [...apps, nginx]) child.kill('SIGTERM')
  await once(nginx, 'exit')
  rmSync(folder, { recursive: true, force: true })
  process.exit()
})

async function roll() {
  for (const index of apps.keys()) {
    const ended = once(apps[index], 'exit')
    apps[index].kill('SIGTERM')
    await ended
    try {
      apps[index] = await start(ports[index])
    } catch (error) {
      console.error(`The roll has stopped: ${error.message}`)
      return
    }
  }
}

async function start(port) {
  const child = fork(program, { env: { ...process.env, PORT: String(port) } })
  while (!(await accepts(port))) {
    if (child.exitCode !== null) throw new Error('the new process has ended')
    await sleep(10)
  }
  return child
}

function accepts(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}
