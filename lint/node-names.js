// Names of Node that its documentation does not have: they may change in any release, so one file touches them.
import tseslint from 'typescript-eslint'

/** Names without an underscore that are as internal as those with one. */
const internal = ['onconnection', 'onIncoming', 'onread', 'readStart', 'readStop', 'writeQueueSize']

const name = `/^(?:_[A-Za-z]|(?:${internal.join('|')})$)/`
const message =
  'Node does not document this name: wrap it in node/internals, by a function that says what it is for.'

const undocumented = [
  // socket._handle, socket['_handle'], `{ _handle } = socket`, and `_handle: …` in a type
  `MemberExpression[property.name=${name}]`,
  `MemberExpression > Literal.property[value=${name}]`,
  `Property[key.name=${name}]`,
  `TSPropertySignature[key.name=${name}]`,
  `TSMethodSignature[key.name=${name}]`,
  // Documented as an option of createServer, and only there.
  "MemberExpression[property.name='connectionsCheckingInterval']",
  "MemberExpression[object.name='socket'][property.name='parser']",
  "BinaryExpression[operator='in'] > Literal.left[value='parser']",
].map((selector) => ({ selector, message }))

const outsideWorld = {
  selector: "MemberExpression[object.name='process']:not([property.name='nextTick'])",
  message: 'Take it from node/system.ts.',
}

const system = 'packages/core/src/node/system.ts'
const mayUseThem = ['packages/core/src/node/internals/*.ts', 'packages/core/src/launch/preload.ts']

/** Keeps undocumented names of Node, and the process itself, in the files that are made for them. */
export const nodeNames = [
  {
    files: ['packages/core/src/**/*.ts'],
    ignores: [system, ...mayUseThem],
    languageOptions: { parser: tseslint.parser },
    rules: { 'no-restricted-syntax': ['error', ...undocumented, outsideWorld] },
  },
  {
    files: [system],
    languageOptions: { parser: tseslint.parser },
    rules: { 'no-restricted-syntax': ['error', ...undocumented] },
  },
]
