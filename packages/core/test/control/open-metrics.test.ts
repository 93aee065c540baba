// Proves how metrics are written: as the OpenMetrics text format wants each of its parts.
import { expect, test } from 'vitest'
import { openMetricsText } from '../../src/control/open-metrics.js'

test('a metric has its type, its unit, its help and its values, and the end is marked', () => {
  const text = openMetricsText([
    {
      name: 'x_restarts',
      type: 'counter',
      help: 'Restarts.',
      samples: [
        { suffix: '_total', labels: { outcome: 'failed', slot: 0 }, value: 2 },
        { suffix: '_total', labels: { outcome: 'done', slot: 1 }, value: 1e21 },
      ],
    },
    {
      name: 'x_age_seconds',
      type: 'gauge',
      unit: 'seconds',
      help: 'Age.',
      samples: [{ value: 0.25 }],
    },
  ])
  expect(text).toBe(
    `# TYPE x_restarts counter
# HELP x_restarts Restarts.
x_restarts_total{outcome="failed",slot="0"} 2
x_restarts_total{outcome="done",slot="1"} 1e+21
# TYPE x_age_seconds gauge
# UNIT x_age_seconds seconds
# HELP x_age_seconds Age.
x_age_seconds 0.25
# EOF
`,
  )
})

test('a metric without a value is left out, and nothing at all is still well-formed', () => {
  expect(openMetricsText([{ name: 'x', type: 'gauge', help: 'X.', samples: [] }])).toBe('# EOF\n')
})

test('labels and helps are escaped, so that no text begins a line of its own', () => {
  const text = openMetricsText([
    {
      name: 'x',
      type: 'gauge',
      help: 'a "b" \\ c\nd',
      samples: [{ labels: { path: 'a"b\\c\nd' }, value: 1 }],
    },
  ])
  expect(text.split('\n')).toEqual([
    '# TYPE x gauge',
    '# HELP x a \\"b\\" \\\\ c\\nd',
    'x{path="a\\"b\\\\c\\nd"} 1',
    '# EOF',
    '',
  ])
})

test.each([
  [NaN, 'NaN'],
  [Infinity, '+Inf'],
  [-Infinity, '-Inf'],
  [-0.5, '-0.5'],
])('%s is written as %s', (value, written) => {
  const text = openMetricsText([{ name: 'x', type: 'gauge', help: 'X.', samples: [{ value }] }])
  expect(text).toContain(`\nx ${written}\n`)
})
