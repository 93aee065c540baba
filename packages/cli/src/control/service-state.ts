import type { ServiceStatus } from '@endless/core/for-cli'

// What a service does as a whole.

/** What a service does: it serves, perhaps while it restarts; it is started, or started again; or it drains. */
export type ServiceState = 'serving' | 'restarting' | 'starting' | 'ending'

/** Returns what a service does, by its status. */
export function stateOf(told: ServiceStatus): ServiceState {
  const { generations, startingInMs } = told
  if (generations.some(({ state }) => state === 'restarting')) return 'restarting'
  if (isServing(told)) return 'serving'
  const isStarting = startingInMs !== null || generations.some(({ state }) => state === 'booting')
  return isStarting ? 'starting' : 'ending'
}

/** Whether a service serves. Counts a generation that does not answer as serving: it may serve all the same. */
export function isServing({ generations }: ServiceStatus): boolean {
  const idle = ['booting', 'shutting-down', 'staying-behind', 'terminate']
  return generations.some(({ state }) => !idle.includes(state))
}
