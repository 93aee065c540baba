/** What a release of the program does while it boots. */
export interface Release {
  boot: 'good' | 'throws' | 'exits' | 'hangs' | 'cannot start'
  /** Until it says hello. */
  helloMs: number
  /** From there until it listens. */
  loadMs: number
  /** Whether Node waits for the welcome before it runs the program, as with the preload. */
  waits: boolean
}
