import type { Generation } from './generation.js'

/** What a supervisor tells of, as it happens. */
export interface SupervisorEvents {
  /** A generation serves, for the first time or again. */
  serving(generation: Generation): void
  /** A generation asks for a successor. */
  restarting(): void
  /** A successor has ended before it served: its predecessor serves on. */
  restartFailed(reason: string): void
  /** The service shuts down. */
  stopping(): void
}
