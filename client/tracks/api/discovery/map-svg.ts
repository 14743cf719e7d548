import type { ApiMapping, Edge } from './api-map.ts';
import { outside } from './api-map.ts';

/** What is drawn; a picture with more says nothing. The rest is in the JSON. */
export const drawn = { workloads: 60, edges: 200 } as const;

const [columnPx, rowPx, boxPx, heightPx, marginPx] = [220, 46, 150, 28, 24] as const;
const colours = { box: '#f4f6f8', line: '#5b6b7a', fresh: '#b3261e', open: '#b26a00', text: '#1d2730' } as const;

/**
 * The busiest workloads in columns by how far they are from the outside, with who calls whom. Red: first seen lately. Amber
 * rim: it has a template that answers without authentication while its siblings do not.
 */
export function mapSvg({ workloads, edges, templates }: ApiMapping): string {
  const shown = workloads
    .toSorted((a, b) => b.requests - a.requests || byText(a.name, b.name))
    .slice(0, drawn.workloads);
  const names = new Set(shown.map(({ name }) => name));
  const between = edges
    .filter(({ from, to }) => names.has(from) && names.has(to) && from !== to)
    .toSorted((a, b) => b.requests - a.requests || byText(a.from + a.to, b.from + b.to))
    .slice(0, drawn.edges);
  const column = columnsOf(names, between);
  const placed = new Map<string, Readonly<{ x: number; y: number }>>();
  const used = new Map<number, number>();
  for (const { name } of shown) {
    const at = column.get(name) as number;
    const row = used.get(at) ?? 0;
    used.set(at, row + 1);
    placed.set(name, { x: marginPx + at * columnPx, y: marginPx + row * rowPx });
  }
  const open = new Set(templates.filter((one) => one.isOpenAmongClosed).map(({ service }) => service));
  const lines = between.map(({ from, to, requests, isNew }) => {
    const [a, b] = [placed.get(from), placed.get(to)] as [Readonly<{ x: number; y: number }>, { x: number; y: number }];
    const width = Math.min(5, 0.6 + Math.log10(1 + requests)).toFixed(1);
    const [x, y] = [a.x + boxPx, a.y + heightPx / 2];
    const bend = `M${x} ${y} C${x + 40} ${y} ${b.x - 40} ${b.y + heightPx / 2} ${b.x} ${b.y + heightPx / 2}`;
    const title = `<title>${escaped(`${from} → ${to}: ${requests} requests`)}</title>`;
    return `<path d="${bend}" fill="none" stroke="${isNew ? colours.fresh : colours.line}" stroke-width="${width}" stroke-opacity="0.6">${title}</path>`;
  });
  const boxes = shown.map(({ name, isNew }) => {
    const { x, y } = placed.get(name) as { x: number; y: number };
    const rim = isNew ? colours.fresh : open.has(name) ? colours.open : colours.line;
    const text = `<text x="${x + boxPx / 2}" y="${y + 18}" text-anchor="middle" fill="${colours.text}">${escaped(short(name))}</text>`;
    return `<rect x="${x}" y="${y}" width="${boxPx}" height="${heightPx}" rx="4" fill="${colours.box}" stroke="${rim}" stroke-width="${rim === colours.line ? 1 : 2}"/>${text}`;
  });
  const width = marginPx * 2 + Math.max(0, ...column.values()) * columnPx + boxPx;
  const height = marginPx * 2 + Math.max(1, ...used.values()) * rowPx;
  const body = [...lines, ...boxes].join('\n');
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">\n${body}\n</svg>\n`;
}

/** Steps from outside, or from whoever nobody calls, breadth first. */
function columnsOf(names: ReadonlySet<string>, edges: readonly Edge[]): Map<string, number> {
  const called = new Set(edges.map(({ to }) => to));
  const column = new Map<string, number>();
  let front = [...names].filter((name) => name === outside || !called.has(name));
  if (front.length === 0) front = [...names].slice(0, 1);
  for (let at = 0; front.length > 0; at++) {
    for (const name of front) column.set(name, at);
    const reached = edges.filter(({ from, to }) => front.includes(from) && !column.has(to)).map(({ to }) => to);
    front = [...new Set(reached)];
  }
  for (const name of names) if (!column.has(name)) column.set(name, 0);
  return column;
}

function short(name: string): string {
  return name.length > 22 ? `${name.slice(0, 21)}…` : name;
}

/** Names come from what is watched: none of them may become markup. */
function escaped(text: string): string {
  return (
    text
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll('"', '&quot;')
      // biome-ignore lint/suspicious/noControlCharactersInRegex: XML has no word for them.
      .replace(/[\x00-\x1f\x7f]/g, '?')
  );
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
