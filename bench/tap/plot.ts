/** One line of the chart: a value for each number of cameras. */
export interface Line {
  title: string;
  unit: string;
  colour: string;
  values: number[];
}

const WIDTH = 720;
const HEIGHT = 300;
const MARGIN = { left: 50, right: 20, top: 40, bottom: 40 };

/** Small charts side by side as SVG: cameras on a logarithmic axis, each chart with its own scale from zero. */
export function plot(cameras: readonly number[], lines: readonly Line[]): string {
  const width = WIDTH / lines.length;
  const charts = lines.map(
    (line, i) => `<g transform="translate(${i * width} 0)">${chart(cameras, line, width)}</g>`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    ...charts,
    '</svg>\n',
  ].join('\n');
}

function chart(cameras: readonly number[], { title, unit, colour, values }: Line, width: number): string {
  const top = Math.max(...values) * 1.15 || 1;
  const span = Math.log2(Math.max(...cameras) / Math.min(...cameras)) || 1;
  const x = (n: number) =>
    MARGIN.left + (Math.log2(n / Math.min(...cameras)) / span) * (width - MARGIN.left - MARGIN.right);
  const y = (v: number) => HEIGHT - MARGIN.bottom - (v / top) * (HEIGHT - MARGIN.top - MARGIN.bottom);
  const points = cameras.map((n, i) => ({ n, v: values[i] ?? 0, x: x(n), y: y(values[i] ?? 0) }));
  const floor = HEIGHT - MARGIN.bottom;
  return [
    `<text x="${MARGIN.left}" y="20" font-weight="bold">${title}, ${unit}</text>`,
    `<path d="M${MARGIN.left} ${floor}H${width - MARGIN.right}" stroke="#999"/>`,
    `<polyline points="${points.map((p) => `${p.x},${p.y}`).join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>`,
    ...points.flatMap((p) => [
      `<circle cx="${p.x}" cy="${p.y}" r="3" fill="${colour}"/>`,
      `<text x="${p.x}" y="${p.y - 8}" text-anchor="middle">${Number(p.v.toPrecision(3))}</text>`,
      `<text x="${p.x}" y="${floor + 18}" text-anchor="middle">${p.n}</text>`,
    ]),
  ].join('\n');
}
