/// <reference lib="dom" />
// Runs in the browser: draws the charts of the report. It stands alone, as it is inlined into the page.
import type uPlotType from 'uplot'
import type { ChartData } from './chart-data.js'

declare const uPlot: typeof uPlotType

const data = JSON.parse(document.getElementById('chart-data')?.textContent ?? '{}') as ChartData
const plots: uPlotType[] = []
const height = { timeline: 320, connections: 160, changes: 130, distribution: 280 }

function css(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim()
}

function colorOf(generation: number): string {
  if (generation === data.lostDot) return css('--lost')
  if (generation === data.unknownDot) return css('--unknown')
  return css(`--generation-${generation % data.colors}`)
}

function nameOf(generation: number): string {
  if (generation === data.lostDot) return 'lost'
  if (generation === data.unknownDot) return 'process unknown'
  return generation === 0 ? 'before the first restart' : `after restart ${generation}`
}

function ms(value: number | null | undefined): string {
  if (value === null || value === undefined) return ''
  if (value >= 1_000) return `${Number((value / 1_000).toPrecision(3))} s`
  return `${Number(value.toPrecision(3))} ms`
}

function axis(values?: uPlotType.Axis.Values, size?: number): uPlotType.Axis {
  return {
    stroke: css('--muted'),
    grid: { stroke: css('--grid'), width: 1 },
    ticks: { stroke: css('--grid'), width: 1 },
    font: '12px system-ui, sans-serif',
    ...(values === undefined ? {} : { values }),
    ...(size === undefined ? {} : { size }),
  }
}

const seconds: uPlotType.Axis.Values = (_, splits) => splits.map((value) => `${value} s`)

/** Labels powers of ten alone: uPlot gives null to the lines between. */
const latencies: uPlotType.Axis.Values = (_, splits) =>
  splits.map((value) => (Number.isInteger(Math.log10(value)) ? ms(value) : ''))

const wholes: uPlotType.Axis.Values = (_, splits) =>
  splits.map((value) => (Number.isInteger(value) ? String(value) : ''))

/** Shades the windows of the restarts, and marks where they began. */
function marks(isNumbered: boolean): uPlotType.Hooks.Arrays {
  return {
    drawClear: [
      (plot): void => {
        const { ctx, bbox } = plot
        ctx.save()
        ctx.fillStyle = css('--window')
        for (const { fromS, toS } of data.windows) {
          const left = plot.valToPos(fromS, 'x', true)
          const right = plot.valToPos(toS, 'x', true)
          ctx.fillRect(left, bbox.top, right - left, bbox.height)
        }
        ctx.restore()
      },
    ],
    draw: [
      (plot): void => {
        const { ctx, bbox } = plot
        const ratio = devicePixelRatio
        ctx.save()
        ctx.strokeStyle = css('--mark')
        ctx.fillStyle = css('--text')
        ctx.lineWidth = ratio
        ctx.font = `${12 * ratio}px system-ui, sans-serif`
        ctx.textBaseline = 'top'
        data.windows.forEach(({ fromS }, at) => {
          const left = Math.round(plot.valToPos(fromS, 'x', true))
          ctx.beginPath()
          ctx.moveTo(left, bbox.top)
          ctx.lineTo(left, bbox.top + bbox.height)
          ctx.stroke()
          if (isNumbered) {
            ctx.fillText(`restart ${at + 1}`, left + 4 * ratio, bbox.top + 3 * ratio)
          }
        })
        ctx.restore()
      },
    ],
  }
}

function place(
  id: keyof typeof height,
  options: Partial<uPlotType.Options>,
  columns: uPlotType.AlignedData,
): void {
  const element = document.getElementById(id)
  if (!element) return
  const plot = new uPlot(
    {
      width: element.clientWidth,
      height: height[id],
      series: [{}],
      legend: { show: false },
      cursor: { points: { show: false }, drag: { x: true, y: false } },
      ...options,
    },
    columns,
    element,
  )
  plots.push(plot)
}

function legend(id: string, entries: readonly (readonly [name: string, color: string])[]): void {
  const element = document.getElementById(`${id}-legend`)
  element?.replaceChildren(
    ...entries.map(([name, color]) => {
      const entry = document.createElement('span')
      const swatch = document.createElement('i')
      swatch.style.background = color
      entry.append(swatch, name)
      return entry
    }),
  )
}

// eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment -- uPlot has no value for its enum at run time
const logarithmic: uPlotType.Scale = { distr: 3 }
const timeScale = { x: { time: false, range: (): [number, number] => [0, data.durationS] } }
const sync = { key: 'time' }

function drawTimeline(): void {
  const { times, latenciesMs, generations } = data.dots
  // The lost ones last, above the others.
  const series = [...new Set(generations)].sort(
    (one, other) => Number(one === data.lostDot) - Number(other === data.lostDot) || one - other,
  )
  const columns = series.map((generation) =>
    latenciesMs.map((latency, at) =>
      // A logarithm has no 0.
      generations[at] === generation ? Math.max(0.01, latency) : null,
    ),
  )
  place(
    'timeline',
    {
      scales: { ...timeScale, y: logarithmic },
      axes: [axis(seconds), axis(latencies, 64)],
      series: [
        {},
        ...series.map((generation): uPlotType.Series => {
          const isLost = generation === data.lostDot
          const size = isLost ? 6 : 3
          const color = colorOf(generation)
          return {
            label: nameOf(generation),
            paths: () => null,
            points: {
              show: true,
              size,
              width: 0,
              fill: isLost ? color : `${color}a0`,
              stroke: color,
            },
          }
        }),
      ],
      hooks: marks(true),
      cursor: { points: { show: false }, drag: { x: true, y: false }, sync },
    },
    [times, ...columns],
  )
  legend(
    'timeline',
    series.map((generation) => [nameOf(generation), colorOf(generation)]),
  )
}

function drawConnections(): void {
  const { times, open } = data.band
  // Stacked: each area is drawn up to the sum of those below, the highest first.
  let below = times.map(() => 0)
  const sums = open.map(({ counts }) => {
    below = below.map((sum, at) => sum + (counts[at] ?? 0))
    return below
  })
  const stepped = uPlot.paths.stepped?.({ align: -1 })
  const layers = open.map(({ generation }, at) => ({ generation, sum: sums[at] ?? [] })).reverse()
  place(
    'connections',
    {
      scales: { ...timeScale, y: { range: (_, __, max) => [0, Math.max(1, max) * 1.1] } },
      axes: [axis(seconds), axis(wholes, 64)],
      series: [
        {},
        ...layers.map(({ generation }): uPlotType.Series => {
          const color = colorOf(generation)
          return {
            stroke: color,
            fill: `${color}c0`,
            width: 1,
            points: { show: false },
            ...(stepped ? { paths: stepped } : {}),
          }
        }),
      ],
      hooks: marks(false),
      cursor: { points: { show: false }, drag: { x: true, y: false }, sync },
    },
    [times, ...layers.map(({ sum }) => sum)],
  )
  legend(
    'connections',
    open.map(({ generation }) => [nameOf(generation), colorOf(generation)]),
  )
}

function drawChanges(): void {
  const { times, opened, moved, closed } = data.band
  const shown = [
    { name: 'moved, open', counts: moved, color: css('--moved') },
    { name: 'new', counts: opened, color: css('--opened') },
    { name: 'closed by the server', counts: closed, color: css('--lost') },
  ]
  const bars = uPlot.paths.bars?.({ size: [0.9, 12, 2], align: -1 })
  place(
    'changes',
    {
      scales: { ...timeScale, y: { range: (_, __, max) => [0, Math.max(1, max) * 1.1] } },
      axes: [axis(seconds), axis(wholes, 64)],
      series: [
        {},
        ...shown.map(({ color }): uPlotType.Series => ({
          stroke: color,
          fill: `${color}c0`,
          width: 1,
          points: { show: false },
          ...(bars ? { paths: bars } : {}),
        })),
      ],
      hooks: marks(false),
      cursor: { points: { show: false }, drag: { x: true, y: false }, sync },
    },
    [times, ...shown.map(({ counts }) => counts.map((count) => (count === 0 ? null : count)))],
  )
  legend(
    'changes',
    shown.map(({ name, color }) => [name, color]),
  )
}

function drawDistribution(): void {
  const { calm, restarts } = data.quantiles
  // By the number of nines: 0, 1, 2 and 3 stand for 0 %, 90 %, 99 % and 99.9 %.
  const nines = (fraction: number): number => -Math.log10(1 - fraction)
  const xs = [...new Set([...calm, ...restarts].map(({ fraction }) => nines(fraction)))].sort(
    (one, other) => one - other,
  )
  const column = (points: typeof calm): (number | null | undefined)[] => {
    const at = new Map(points.map(({ fraction, latencyMs }) => [nines(fraction), latencyMs]))
    // `undefined` joins the points on both sides; null would break the line.
    return xs.map((x) => (at.has(x) ? Math.max(0.01, at.get(x) ?? 0) : undefined))
  }
  const percent: uPlotType.Axis.Values = (_, splits) =>
    splits.map((value) =>
      Number.isInteger(value) ? `${Number((100 - 100 / 10 ** value).toFixed(4))} %` : '',
    )
  const line = (name: string, color: string): uPlotType.Series => ({
    label: name,
    stroke: color,
    width: 2,
    points: { show: false },
  })
  place(
    'distribution',
    {
      scales: { x: { time: false }, y: logarithmic },
      axes: [axis(percent), axis(latencies, 64)],
      series: [{}, line('calm', css('--calm')), line('restarts', css('--restarts'))],
    },
    [xs, column(calm), column(restarts)],
  )
  legend('distribution', [
    ['calm', css('--calm')],
    ['in the windows of the restarts', css('--restarts')],
  ])
}

function draw(): void {
  for (const plot of plots.splice(0)) plot.destroy()
  drawTimeline()
  drawConnections()
  drawChanges()
  drawDistribution()
}

draw()
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw)
let resizing: number | undefined
addEventListener('resize', () => {
  clearTimeout(resizing)
  resizing = window.setTimeout(draw, 100)
})
document.documentElement.dataset['drawn'] = 'true'
