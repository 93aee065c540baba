// Proves what becomes of a slot that cannot go back to the old version with the others.
import { EndlessError, type RestartReport } from '@endless/core/for-cli'
import { expect, test } from 'vitest'
import { Roll } from '../../src/supervisor/roll.js'
import type { Slot } from '../../src/supervisor/slot.js'

/** A slot whose restart succeeds, and whose old process does not answer when it is to serve again. */
class StuckSlot {
  readonly index = 0
  readonly isStopping = false
  current: { pid: number; number: number } = { pid: 100, number: 0 }
  isProven = false
  readonly rollbacks = {
    isOnProbation: true,
    kept: () => new Promise(() => undefined),
    rollBack: () => Promise.reject(new Error('it does not answer')),
    prove: () => {
      this.isProven = true
      return Promise.resolve()
    },
  }

  restart(): Promise<RestartReport> {
    this.current = { pid: 101, number: 1 }
    return Promise.resolve({ number: 1, pid: 101, durationMs: 1, dropped: [] })
  }

  endSuccessor(): void {
    // It has none.
  }
}

/** A slot whose restart fails when it is told to. */
class FailingSlot extends StuckSlot {
  override readonly index = 1 as never
  fail: () => void = () => undefined

  override restart(): Promise<RestartReport> {
    return new Promise((_, reject) => {
      this.fail = () => {
        reject(new EndlessError('ERR_ENDLESS_SUCCESSOR_EXITED', 'it has ended'))
      }
    })
  }
}

test('a slot that cannot go back is proven, so that the next restart need not wait, and is named', async () => {
  const logged: string[] = []
  const logger = {
    info: () => undefined,
    warn: () => undefined,
    error: (line: string) => logged.push(line),
  }
  const stuck = new StuckSlot()
  const failing = new FailingSlot()
  const slots = [stuck, failing] as unknown as Slot[]
  const roll = new Roll({ logger, now: () => 0, progressed: () => undefined }, slots, {})
  const ended = roll.begin()
  await new Promise((resolve) => setImmediate(resolve))
  failing.fail()
  await ended
  await expect(roll.ended).rejects.toMatchObject({ code: 'ERR_ENDLESS_SUCCESSOR_EXITED' })
  const kept = 'slot 0 keeps the new version: it does not answer'
  expect([stuck.isProven, logged]).toEqual([true, [kept]])
})
