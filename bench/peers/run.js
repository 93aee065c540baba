import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * One run of a peer: its own folder, the release that it starts, and the commands that start and restart it.
 *
 * @param {import('./peers.js').Peer} peer
 * @param {{ node: string, installed: string, workers?: number }} where `workers` instead of the peer's own
 */
export function createRun(peer, { node, installed, workers = peer.workers }) {
  const folder = mkdtempSync(join(tmpdir(), 'endless-peers-'))
  const release = join(folder, 'release')
  const given = { node, folder, workers }
  const run = {
    /** Sets what the next start finds: `good`, `throws` or `turns-bad`. */
    set release(name) {
      writeFileSync(release, name)
    },
    /** The peer's command, in the folder of the installed peers. */
    command: [
      ...['env', `--chdir=${installed}`, `RELEASE=${release}`, `CONTROL=${folder}/control`],
      ...peer.command(given),
    ],
    /** A restart for the shell; `undefined`: SIGHUP to the process that was started. */
    restart: inFolder(peer.restart),
    /** A restart that takes a version back that turns bad; `undefined`: the peer has none. */
    probation: inFolder(peer.probation),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
  run.release = 'good'
  return run

  function inFolder(command) {
    return command && `cd ${installed} && ${command(given)}`
  }
}
