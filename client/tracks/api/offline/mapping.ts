import { ok, type Result, refuse } from '../../../../base/fault.ts';
import { instantText } from '../../../../base/text/instant-text.ts';
import { table } from '../../../../base/text/table.ts';
import type { Mapped } from '../../offline-kind.ts';
import { ApiMap, type ApiMapping, type Template } from '../discovery/api-map.ts';
import { mapSvg } from '../discovery/map-svg.ts';
import type { ApiExample } from '../example.ts';
import { eachApiChain, sentenceOf } from './api-files.ts';

/** Rows that people are shown of each table; the JSON has all. */
const rowsMax = 30;

export type MapWanted = Readonly<{
  inputs: readonly string[];
  /** Of a client's state folder. */
  examples: readonly ApiExample[];
  part: string | undefined;
  /** What is first seen from here on is new, epoch milliseconds. */
  sinceMs: number | undefined;
  complain: (line: string) => void;
}>;

/** Who talks to whom about what: of files of requests, and of what a client's buffer holds. */
export async function mapApis(wanted: MapWanted): Promise<Result<Mapped, 'INPUT_UNREADABLE'>> {
  const map = new ApiMap();
  let calls = 0;
  const addAll = ({ atS, calls: own }: ApiExample) => {
    for (const call of own) map.add(call, atS * 1_000);
    calls += own.length;
  };
  for (const path of wanted.inputs) {
    const read = await eachApiChain(path, wanted.part, ({ example }) => addAll(example));
    if (!read.ok) return read;
    wanted.complain(`${path}: ${sentenceOf(read.value)}`);
  }
  for (const example of wanted.examples) addAll(example);
  if (calls === 0) return refuse('INPUT_UNREADABLE', 'nothing to map: no request in the files, and none in the buffer');
  const mapping = map.mapping(wanted.sinceMs);
  return ok({ report: { detail: mapping, text: textOf(mapping) }, svg: mapSvg(mapping) });
}

function textOf(mapping: ApiMapping): string {
  const { workloads, edges, templates, newSinceMs, beyond } = mapping;
  const open = templates.filter(({ isOpenAmongClosed }) => isOpenAmongClosed);
  const fresh = templates.filter(({ isNew }) => isNew);
  const left = Object.entries(beyond).filter(([, count]) => count > 0);
  const parts = [
    `${workloads.length} workloads, ${edges.length} edges, ${templates.length} templates`,
    ...left.map(([what, count]) => `${count} requests beyond the ${what} that are told apart`),
    `answered without authentication while their siblings ask for it: ${open.length}`,
    ...(open.length > 0 ? [templateTable(open)] : []),
    `first seen since ${instantText(newSinceMs)}: ${fresh.length}`,
    ...(fresh.length > 0 ? [templateTable(fresh)] : []),
  ];
  return parts.join('\n');
}

function templateTable(templates: readonly Template[]): string {
  const rows = templates.toSorted((a, b) => b.requests - a.requests).slice(0, rowsMax);
  return table(rows, [
    { title: 'SERVICE', text: ({ service }) => service },
    { title: 'METHOD', text: ({ method }) => method },
    { title: 'TEMPLATE', text: ({ template }) => template },
    { title: 'REQUESTS', text: ({ requests }) => String(requests), align: 'right' },
    {
      title: 'OPEN',
      text: ({ served, open }) => (served === 0 ? '-' : `${((open / served) * 100).toFixed(0)} %`),
      align: 'right',
    },
    { title: 'FIRST SEEN', text: ({ firstMs }) => instantText(firstMs) },
  ]);
}
