const MOST_CLASSES = 512

/**
 * Node options that give a process a layout of its own, by chance.
 *
 * What is loaded before an app decides where V8 puts its hidden classes, and that alone made the Koa app of this folder
 * up to 15 % slower or faster: each number of unused classes by the same in each of its runs, whether with endless or
 * without. So two programs that differ in a single import differ in speed, and always by the same, however often they
 * are measured. Only over many layouts of both does a difference mean anything.
 */
export function randomLayout() {
  const classes = Math.floor(Math.random() * MOST_CLASSES)
  return `--import=${new URL(`../apps/layout.mjs?classes=${classes}`, import.meta.url)}`
}
