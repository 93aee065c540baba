/**
 * Keeps the bytes of a WebSocket message that is not complete: `ws` has read them, but the next process
 * must read them again. Follows the frames that a client sends (RFC 6455, section 5.2).
 */
export class Unfinished {
  #bytes = Buffer.alloc(0)

  push(chunk) {
    this.#bytes = Buffer.concat([this.#bytes, chunk])
    for (let end = endOfMessage(this.#bytes); end > 0; end = endOfMessage(this.#bytes)) {
      this.#bytes = this.#bytes.subarray(end)
    }
  }

  toString() {
    return this.#bytes.toString('base64')
  }
}

/** Returns where the first message ends, or 0 if its end has not arrived. */
function endOfMessage(bytes) {
  let at = 0
  while (bytes.length >= at + 2) {
    const isFinal = (bytes[at] & 0x80) !== 0
    const isControl = (bytes[at] & 0x08) !== 0
    let length = bytes[at + 1] & 0x7f
    let headerLength = 2 + 4 // a client sends a 4-byte mask
    if (length === 126) {
      if (bytes.length < at + 4) return 0
      length = bytes.readUInt16BE(at + 2)
      headerLength += 2
    } else if (length === 127) {
      if (bytes.length < at + 10) return 0
      length = Number(bytes.readBigUInt64BE(at + 2))
      headerLength += 8
    }
    const end = at + headerLength + length
    if (bytes.length < end) return 0
    // A control frame, such as a ping, may come between two parts of a message without ending it.
    if (isFinal && (!isControl || at === 0)) return end
    at = end
  }
  return 0
}
