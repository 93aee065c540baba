const MOST_CLASSES = 512

/**
 * Returns Node options that load a random number of unused classes before the app. Their number alone makes
 * an app up to 15 % faster or slower, so only a comparison over many numbers is fair.
 *
 * See docs/decisions.md, "What is loaded before an app decides its speed"
 */
export function randomLayout() {
  const classes = Math.floor(Math.random() * MOST_CLASSES)
  return `--import=${new URL(`../apps/layout.mjs?classes=${classes}`, import.meta.url)}`
}
