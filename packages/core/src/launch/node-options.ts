// Adds the preload to `NODE_OPTIONS`, and removes it again. Among the arguments, threads would show it in
// `execArgv`, where nothing can hide it.

/** Matches the option that {@link withPreload} puts first; preload.ts knows it by its own URL. */
const ours = /^--import data:text\/javascript,\S+#\d+,\w+(?:,\S+)?( |$)/

/**
 * Returns an environment with the preload. It comes first, since other preloads may be the application's.
 * See docs/decisions.md, "The preload travels in NODE_OPTIONS, as text"
 */
export function withPreload(environment: NodeJS.ProcessEnv, preload: string): NodeJS.ProcessEnv {
  const option = `--import ${preload}`
  const { NODE_OPTIONS: given } = environment
  return { ...environment, NODE_OPTIONS: given === undefined ? option : `${option} ${given}` }
}

/** Removes the preload from the environment of a successor; does nothing in generation 0. */
export function hidePreload(environment: NodeJS.ProcessEnv): void {
  const [option, separator] = ours.exec(environment['NODE_OPTIONS'] ?? '') ?? []
  if (option === undefined) return
  if (separator === '') delete environment['NODE_OPTIONS']
  else environment['NODE_OPTIONS'] = environment['NODE_OPTIONS']?.slice(option.length)
}
