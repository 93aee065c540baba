import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'

/** Returns a port that was free on loopback a moment ago. Prefer port 0 if the program reports its port. */
export async function freePort(): Promise<number> {
  const [port = 0] = await freePorts(1)
  return port
}

/** Returns `count` different free ports: all are bound before the first is released. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => net.createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  return release(servers)
}

/**
 * Returns `count` different free ports below those that a system gives to clients (from 32,768 on Linux): for
 * a program that binds them later, while clients open many connections.
 */
export async function serverPorts(count: number): Promise<number[]> {
  const servers: net.Server[] = []
  while (servers.length < count) {
    const port = 10_000 + Math.floor(Math.random() * 20_000)
    const server = net.createServer().listen(port, '127.0.0.1')
    // Rejects if the port is taken: then another one is tried.
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    )
    if (isFree) servers.push(server)
  }
  return release(servers)
}

async function release(servers: readonly net.Server[]): Promise<number[]> {
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}
