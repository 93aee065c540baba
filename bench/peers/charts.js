import * as echarts from 'echarts'

// Charts of the comparison, as SVG, for light and dark pages.

const themes = {
  light: { text: '#1f2328', line: '#d1d9e0', own: '#1a7f37', other: '#bc4c00' },
  dark: { text: '#e6edf3', line: '#3d444d', own: '#3fb950', other: '#db6d28' },
}
const width = 720
const rowHeight = 26

/** Yields the name and the SVG of each chart. */
export function* drawCharts(results) {
  for (const [theme, colors] of Object.entries(themes)) {
    yield [`lost-${theme}.svg`, drawLost(results, colors)]
  }
}

/** Lost requests as bars. Their lengths are square roots: some lose a hundred times as many as others. */
function drawLost(results, colors) {
  const rows = results.toReversed()
  const chart = echarts.init(null, null, {
    renderer: 'svg',
    ssr: true,
    width,
    height: rows.length * rowHeight + 40,
  })
  const text = { color: colors.text, fontFamily: 'system-ui, sans-serif', fontSize: 13 }
  chart.setOption({
    animation: false,
    textStyle: text,
    // Fonts are measured without a browser, and come out wider there.
    grid: { left: 36, right: 90, top: 8, bottom: 24, containLabel: true },
    xAxis: {
      type: 'value',
      name: 'lost requests (the length of a bar is the square root)',
      nameLocation: 'middle',
      nameGap: 8,
      nameTextStyle: text,
      axisLabel: { show: false },
      splitLine: { show: false },
    },
    yAxis: {
      type: 'category',
      data: rows.map(({ peer }) => peer.name),
      axisLabel: text,
      axisLine: { lineStyle: { color: colors.line } },
      axisTick: { show: false },
    },
    series: [
      {
        type: 'bar',
        barWidth: '62%',
        data: rows.map(({ peer, lost }) => ({
          value: Math.sqrt(lost),
          itemStyle: { color: peer.own ? colors.own : colors.other },
          label: {
            ...text,
            show: true,
            position: 'right',
            formatter: lost.toLocaleString('en-US'),
          },
        })),
      },
    ],
  })
  const svg = chart.renderToSVGString()
  chart.dispose()
  return svg
}
