import type { EdgeExplanation } from './explain-edge.ts';

const [columnWidth, rowHeight, nodeWidth, nodeHeight, margin] = [190, 44, 150, 26, 20] as const;

type Box = Readonly<{ label: string; x: number; y: number; suspected: boolean }>;

/**
 * The suspected movement from left to right in red; below each of its workloads, in grey, whom it usually calls or is called
 * by. One self-contained SVG: no script, no font, no link; names are escaped and cut.
 */
export function explanationSvg({ path, neighbourhood, edge }: EdgeExplanation): string {
  const onPath = [path[0]?.client ?? edge.client, ...path.map(({ server }) => server)];
  const boxes = new Map<string, Box>();
  for (const [column, label] of onPath.entries()) {
    boxes.set(label, { label, x: margin + column * columnWidth, y: margin, suspected: true });
  }
  const usual: [string, string][] = [];
  const hang = (workload: string, others: readonly string[], asServer: boolean) => {
    const anchor = boxes.get(workload);
    if (anchor === undefined) return;
    let row = 0;
    for (const other of others.slice(0, 5)) {
      usual.push(asServer ? [other, workload] : [workload, other]);
      if (!boxes.has(other))
        boxes.set(other, { label: other, x: anchor.x, y: margin + ++row * rowHeight + 20, suspected: false });
    }
  };
  hang(edge.client, neighbourhood.usualServersOfClient, false);
  hang(edge.server, neighbourhood.usualClientsOfServer, true);
  const all = [...boxes.values()];
  const width = Math.max(...all.map(({ x }) => x)) + nodeWidth + margin;
  const height = Math.max(...all.map(({ y }) => y)) + nodeHeight + margin;
  const line = (from: string, to: string, color: string, title: string) => {
    const [a, b] = [boxes.get(from) as Box, boxes.get(to) as Box];
    const [x1, y1, x2, y2] = ends(a, b);
    return `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="${color}" stroke-width="1.5" marker-end="url(#${color === '#c62828' ? 'bad' : 'ok'})"><title>${escaped(title)}</title></line>`;
  };
  const marker = (id: string, color: string) =>
    `<marker id="${id}" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="${color}"/></marker>`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="sans-serif" font-size="11">`,
    `<defs>${marker('bad', '#c62828')}${marker('ok', '#9e9e9e')}</defs>`,
    ...usual.map(([from, to]) => line(from, to, '#9e9e9e', `${from} calls ${to} in normal windows`)),
    ...path.map(({ client, server, service, score }) =>
      line(client, server, '#c62828', `${client} → ${server}, ${service}, ${score.toFixed(1)} nats`),
    ),
    ...all.map(
      ({ label, x, y, suspected }) =>
        `<g><rect x="${x}" y="${y}" width="${nodeWidth}" height="${nodeHeight}" rx="5" fill="${suspected ? '#ffebee' : '#fafafa'}" stroke="${suspected ? '#c62828' : '#9e9e9e'}"/><text x="${x + nodeWidth / 2}" y="${y + 17}" text-anchor="middle">${escaped(short(label))}</text><title>${escaped(label)}</title></g>`,
    ),
    '</svg>',
    '',
  ].join('\n');
}

/** From side to side between columns, from bottom to top within one. */
function ends(a: Box, b: Box): [number, number, number, number] {
  const half = nodeHeight / 2;
  if (a.x < b.x) return [a.x + nodeWidth, a.y + half, b.x, b.y + half];
  if (a.x > b.x) return [a.x, a.y + half, b.x + nodeWidth, b.y + half];
  const middle = a.x + nodeWidth / 2;
  return a.y < b.y ? [middle, a.y + nodeHeight, middle, b.y] : [middle, a.y, middle, b.y + nodeHeight];
}

function short(label: string): string {
  const name = label.replace(/^workload /, '');
  return name.length <= 24 ? name : `${name.slice(0, 11)}…${name.slice(-12)}`;
}

function escaped(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: XML has no place for them.
  return text.replace(/[\x00-\x1f\x7f]/g, '?').replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
