// What every adapter promises, whatever its framework. A test file hands its adapter to adapterContract(), which
// registers the tests; adapter.ts and CONTRIBUTING.md describe what a fixture exports.
import { describe } from 'vitest'
import type { AdapterUnderTest } from './adapter.js'
import { testInProcess } from './in-process.js'
import { testRestarts } from './restarts.js'
import { testShutdown } from './shutdown.js'
import { testWebSockets } from './web-sockets.js'

/** Registers the tests that an adapter has to pass. */
export function adapterContract(adapter: AdapterUnderTest): void {
  describe(`${adapter.name} keeps the contract of adapters`, () => {
    testRestarts(adapter)
    testShutdown(adapter)
    testWebSockets(adapter)
    testInProcess(adapter)
  })
}
