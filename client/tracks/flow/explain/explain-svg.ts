import type { EdgeExplanation } from './explain-edge.ts';

const [columnWidth, rowHeight, nodeWidth, nodeHeight, margin] = [250, 36, 160, 26, 20] as const;
/** How far those below a workload stand in: their lines run down in this gap, past the others. */
const indent = 26;

type Box = Readonly<{ label: string; x: number; y: number; suspected: boolean }>;

/**
 * The suspected movement from left to right in red, with its services; below the last edge's two workloads, in grey, whom the
 * one usually calls and by whom the other is usually called. One self-contained SVG: no script, no font, no link; names are escaped and cut.
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
        boxes.set(other, { label: other, x: anchor.x + indent, y: margin + ++row * rowHeight + 12, suspected: false });
    }
  };
  hang(edge.client, neighbourhood.usualServersOfClient, false);
  hang(edge.server, neighbourhood.usualClientsOfServer, true);
  const all = [...boxes.values()];
  const width = Math.max(...all.map(({ x }) => x)) + nodeWidth + margin;
  const height = Math.max(...all.map(({ y }) => y)) + nodeHeight + margin;
  const line = (from: string, to: string, kind: keyof typeof colors, title: string) => {
    const points = way(boxes.get(from) as Box, boxes.get(to) as Box);
    return `<polyline points="${points.join(' ')}" fill="none" stroke="${colors[kind]}" stroke-width="1.5" marker-end="url(#${kind})"><title>${escaped(title)}</title></polyline>`;
  };
  const caption = (from: string, to: string, text: string) => {
    const [a, b] = [boxes.get(from) as Box, boxes.get(to) as Box];
    const middle = (a.x + b.x + nodeWidth) / 2;
    return `<text x="${middle}" y="${(a.y + b.y + nodeHeight) / 2 - 6}" text-anchor="middle" fill="${colors.bad}">${escaped(text)}</text>`;
  };
  const marker = (id: string, color: string) =>
    `<marker id="${id}" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="${color}"/></marker>`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="sans-serif" font-size="11">`,
    `<defs>${marker('bad', colors.bad)}${marker('usual', colors.usual)}</defs>`,
    '<rect width="100%" height="100%" fill="#fff"/>',
    ...usual.map(([from, to]) => line(from, to, 'usual', `${from} calls ${to} in normal windows`)),
    ...path.flatMap(({ client, server, service, score }) => [
      line(client, server, 'bad', `${client} → ${server}, ${service}, ${score.toFixed(1)} nats`),
      caption(client, server, service.length <= 14 ? service : `${service.slice(0, 13)}…`),
    ]),
    ...all.map(
      ({ label, x, y, suspected }) =>
        // A picture of its own cuts what is too wide for its box.
        `<svg x="${x}" y="${y}" width="${nodeWidth}" height="${nodeHeight}"><rect x="1" y="1" width="${nodeWidth - 2}" height="${nodeHeight - 2}" rx="5" fill="${suspected ? '#ffebee' : '#fafafa'}" stroke="${suspected ? colors.bad : colors.usual}"/><text x="${nodeWidth / 2}" y="17" text-anchor="middle">${escaped(short(label))}</text><title>${escaped(label)}</title></svg>`,
    ),
    '</svg>',
    '',
  ].join('\n');
}

const colors = { bad: '#c62828', usual: '#9e9e9e' } as const;

/** Points of a line: from side to side between columns; down the gap, and in, between a workload and those below it. */
function way(a: Box, b: Box): readonly string[] {
  const half = nodeHeight / 2;
  const gap = indent / 2;
  if (b.x - a.x === indent)
    return [`${a.x + gap},${a.y + nodeHeight}`, `${a.x + gap},${b.y + half}`, `${b.x},${b.y + half}`];
  if (a.x - b.x === indent)
    return [`${a.x},${a.y + half}`, `${b.x + gap},${a.y + half}`, `${b.x + gap},${b.y + nodeHeight}`];
  // Backwards: below the boxes, so that it does not cover the way there.
  if (a.x > b.x && a.y === b.y) {
    const y = a.y + nodeHeight + 6;
    const [from, to] = [a.x + nodeWidth / 2, b.x + nodeWidth / 2];
    return [`${from},${a.y + nodeHeight}`, `${from},${y}`, `${to},${y}`, `${to},${b.y + nodeHeight}`];
  }
  return a.x < b.x
    ? [`${a.x + nodeWidth},${a.y + half}`, `${b.x},${b.y + half}`]
    : [`${a.x},${a.y + half}`, `${b.x + nodeWidth},${b.y + half}`];
}

function short(label: string): string {
  const name = label.replace(/^workload /, '');
  return name.length <= 24 ? name : `${name.slice(0, 11)}…${name.slice(-12)}`;
}

function escaped(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: XML has no place for them.
  return text.replace(/[\x00-\x1f\x7f]/g, '?').replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
