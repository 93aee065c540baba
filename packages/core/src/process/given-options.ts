import { isProcessOption, optionNames } from '../api/option-checks.js'
import { optionText } from '../api/option-texts.js'
import type { GivenOption } from '../api/status.js'
import type { Layer } from './parts/outside-options.js'
import type { Parts } from './parts/parts.js'

// Which options are in effect because somebody gave them, and where.

/** Lists the options in effect that somebody gave. */
export function givenOptions({ settings, servers, outside }: Parts): GivenOption[] {
  return optionNames.flatMap((name) => {
    if (isProcessOption(name)) return strongest(name, settings.layers) ?? []
    const each = [...servers].map((server) => ({
      address: server.bound ?? server.address ?? '',
      given: strongest(name, outside.layersOf(server.codeOptions)),
    }))
    const [first] = each
    const isSame = each.every(
      ({ given }) => given?.value === first?.given?.value && given?.from === first?.given?.from,
    )
    if (isSame) return first?.given ?? []
    return each.flatMap(({ address, given }) =>
      given ? { ...given, from: `${given.from}, ${address}` } : [],
    )
  })
}

/** Returns an option as the strongest of some layers gives it; `undefined` if none does. */
export function strongest(name: string, layers: readonly Layer<object>[]): GivenOption | undefined {
  for (const { from, options } of layers) {
    const { [name]: value } = options as Record<string, unknown>
    if (value !== undefined) return { name, value: optionText(name, value), from }
  }
  return undefined
}
