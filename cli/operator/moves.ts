import { table } from '../../base/text/table.ts';
import type { ClusterMove, ReleaseChange } from '../../proto/generated/testudo/v1/operator_releases.ts';
import { wireJson } from '../json/wire-json.ts';
import { print } from '../print.ts';

type Shown = Readonly<{ json?: boolean | undefined; dryRun?: boolean | undefined }>;

/**
 * What a change did, or would do: one sentence, then the clusters that it moves. As JSON: one object, with the sentence's
 * parts in `facts`.
 */
export function showChange(
  { json, dryRun }: Shown,
  sentence: string,
  change: ReleaseChange | undefined,
  facts: Readonly<Record<string, unknown>> = {},
): void {
  const { sequence = 0n, moves = [], movedCount = 0 } = change ?? {};
  if (json) {
    print(wireJson({ ...facts, dryRun: dryRun === true, sequence, movedCount, moves }));
    return;
  }
  const where = dryRun ? 'dry run, nothing was changed' : `journal ${sequence}`;
  print(`${sentence} (${where})`);
  print(movedText(moves, movedCount, dryRun === true));
}

function movedText(moves: readonly ClusterMove[], count: number, dryRun: boolean): string {
  if (count === 0) return dryRun ? 'it would move no cluster' : 'it moves no cluster';
  const rows = table<ClusterMove>(moves, [
    { title: 'CLUSTER', text: ({ cluster }) => cluster },
    { title: 'TRACK', text: ({ track }) => track },
    { title: 'LIVE', text: ({ before, after }) => stepText(before, after) },
    { title: 'SHADOW', text: ({ shadowBefore, shadowAfter }) => stepText(shadowBefore, shadowAfter) },
    { title: 'DECIDED BY', text: ({ because }) => because },
  ]);
  return count > moves.length ? `${rows}\n… ${count} clusters in all` : rows;
}

function stepText(before: bigint | undefined, after: bigint | undefined): string {
  const [from, to] = [before, after].map((version) => (version === undefined ? '-' : String(version)));
  return from === to ? (from ?? '') : `${from} -> ${to}`;
}
