// How the page looks, in light and dark.

/** How many generations have a color of their own. */
export const generationColors = 6

export const style = `
:root {
  color-scheme: light dark;
  --background: #ffffff; --panel: #f6f7f9; --text: #1c2330; --muted: #5b6575; --line: #dde1e8;
  --grid: #e8ebf0; --window: #eef1f6; --mark: #98a2b3;
  --lost: #d92d20; --good: #067647; --unknown: #7c8698;
  --generation-0: #2f6fdb; --generation-1: #0e9384; --generation-2: #8250df;
  --generation-3: #b54708; --generation-4: #3b7c0f; --generation-5: #c11574;
  --calm: #2f6fdb; --restarts: #b54708; --moved: #0e9384; --opened: #7c8698;
}
@media (prefers-color-scheme: dark) {
  :root {
    --background: #10141b; --panel: #181e27; --text: #e6e9ef; --muted: #9aa5b5; --line: #2b3340;
    --grid: #222a35; --window: #1b222d; --mark: #667085;
    --lost: #ff6b5e; --good: #47cd89; --unknown: #98a2b3;
    --generation-0: #6ea8ff; --generation-1: #2ed3b7; --generation-2: #bd9bff;
    --generation-3: #fdb022; --generation-4: #86cb3c; --generation-5: #f670c7;
    --calm: #6ea8ff; --restarts: #fdb022; --moved: #2ed3b7; --opened: #98a2b3;
  }
}
* { box-sizing: border-box }
body {
  margin: 0; background: var(--background); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif;
}
main { max-width: 1120px; margin: 0 auto; padding: 32px 24px 64px }
h1 { margin: 0 0 4px; font-size: 24px; line-height: 1.3 }
h2 { margin: 36px 0 4px; font-size: 17px }
p { margin: 4px 0 }
.muted { color: var(--muted) }
.verdict {
  margin: 20px 0; padding: 14px 18px; border-radius: 8px; background: var(--panel);
  border-left: 5px solid var(--good); font-size: 17px;
}
.verdict.failed { border-color: var(--lost) }
.verdict b { color: var(--good) }
.verdict.failed b { color: var(--lost) }
.verdict ul { margin: 6px 0 0; padding-left: 20px; font-size: 15px }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(132px, 1fr)); gap: 12px }
.figures div { padding: 12px 14px; border: 1px solid var(--line); border-radius: 8px }
.figures b { display: block; font-size: 22px; font-weight: 600; font-variant-numeric: tabular-nums }
.figures .bad b { color: var(--lost) }
.figures span { color: var(--muted); font-size: 13px }
.legend { display: flex; flex-wrap: wrap; gap: 4px 16px; margin: 6px 0 8px; font-size: 13px; color: var(--muted) }
.legend span { display: inline-flex; align-items: center; gap: 6px }
.legend i { width: 10px; height: 10px; border-radius: 2px }
.chart { width: 100% }
.u-select { background: var(--mark); opacity: 0.2 }
.scroll { overflow-x: auto }
table { border-collapse: collapse; width: 100%; margin-top: 6px; font-variant-numeric: tabular-nums; font-size: 14px }
th, td { padding: 5px 10px; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap }
th { color: var(--muted); font-weight: 500 }
th:first-child, td:first-child, .text { text-align: left }
td.text { white-space: normal; overflow-wrap: anywhere }
tr.bad td { color: var(--lost) }
code { font: 13px/1.5 ui-monospace, 'SF Mono', Menlo, Consolas, monospace; overflow-wrap: anywhere }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 18px; margin: 6px 0; font-size: 14px }
dt { color: var(--muted) }
dd { margin: 0 }
`
