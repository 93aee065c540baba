import type { ListedGeneration, ServiceStatus } from '@endless/core/for-cli'

/** The generation that serves: of those that do not go, the oldest. */
export function serving({ generations }: ServiceStatus): ListedGeneration | undefined {
  return generations.find(({ state }) => state === 'running' || state === 'restarting')
}
