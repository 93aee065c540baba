import type { TakenAddress } from '../node/holder-of.js'

// The address that a successor could not have, as its error or its output names it.

/** As Node says it: `listen EADDRINUSE: address already in use :::3000`, `bind EADDRINUSE 0.0.0.0:8125`. */
const ofNode = /\b(?:(listen|bind) )?EADDRINUSE\b(?::? address already in use)?:? (\S+)/
/** As programs say it, which have looked for themselves: `Port 3000 is already in use`. */
const ofPrograms =
  /\bport:? (\d{1,5})\b[^\n]{0,80}\b(?:in use|used|taken|occupied|busy|not (?:free|available))\b|\b(?:in use|running|listening)\b[^\n]{0,80}\bport:? (\d{1,5})\b/i

/** Finds the address that is in use; `undefined` if the text says nothing of that. */
export function takenAddressIn(text: string): TakenAddress | undefined {
  const [isOfNode, call, address = ''] = ofNode.exec(text) ?? []
  if (isOfNode !== undefined) {
    // What quotes the message may put something behind it.
    const bare = address.replace(/[\])}'",;.]+$/, '')
    const [, port] = /:(\d{1,5})$/.exec(bare) ?? []
    // Node binds only UDP sockets by `bind`: a TCP socket in use fails at `listen`.
    if (port !== undefined) return { kind: call === 'bind' ? 'udp' : 'tcp', port: Number(port) }
    return /^[/.@]/.test(bare) ? { path: bare } : undefined
  }
  const [isOfProgram, before, after] = ofPrograms.exec(text) ?? []
  return isOfProgram === undefined ? undefined : { kind: undefined, port: Number(before ?? after) }
}
