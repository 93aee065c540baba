export const dynamic = 'force-dynamic'

export default function Page() {
  return `pid ${process.pid}`
}
