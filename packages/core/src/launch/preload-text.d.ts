// preload-text.js is written by the build (scripts/preload-text.js): the text is part of it, and so of a program that
// was bundled with it.

/** The preload as a CommonJS module. */
export const preloadText: string

/** A name for a file with that text, and for no other text: `preload-3fa90c12.cjs`. */
export const preloadName: string
