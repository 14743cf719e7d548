import { askedByAgent } from '../audit-log.ts';

/** What an account did to pods: requests that took effect, by the API server's audit log. */
export type Act = Readonly<{ does: 'patch' | 'evict'; uid: string; pod: string; atMs: number; labels: Labels }>;

type Labels = Readonly<Record<string, string | null>>;
type Line = Readonly<{
  verb: string;
  objectRef: { resource: string; subresource?: string; namespace: string; name: string };
  responseStatus?: { code?: number };
  requestURI: string;
  stageTimestamp: string;
  requestObject?: {
    metadata?: { uid?: string; labels?: Labels };
    deleteOptions?: { preconditions?: { uid?: string } };
  };
}>;

/** In the order of the answers. `folder`: the control plane's. Dry runs are none. */
export async function actsOf(folder: string, namespace: string): Promise<readonly Act[]> {
  const acts: Act[] = [];
  for (const line of await askedByAgent<Line>(folder, namespace, '"resource":"pods"')) {
    if (line.requestURI.includes('dryRun=All')) continue;
    const code = line.responseStatus?.code ?? 0;
    if (code < 200 || code >= 300) continue;
    const { metadata, deleteOptions } = line.requestObject ?? {};
    const of = { pod: line.objectRef.name, atMs: Date.parse(line.stageTimestamp), labels: metadata?.labels ?? {} };
    if (line.verb === 'patch') acts.push({ ...of, does: 'patch', uid: metadata?.uid ?? '' });
    if (line.objectRef.subresource === 'eviction') {
      acts.push({ ...of, does: 'evict', uid: deleteOptions?.preconditions?.uid ?? '' });
    }
  }
  return acts;
}

/** Pods to which the same was done twice. `counts`: which acts are meant. */
export function twice(acts: readonly Act[], counts: (act: Act) => boolean, what: string): string[] {
  const times = new Map<string, number>();
  for (const act of acts.filter(counts)) times.set(act.uid, (times.get(act.uid) ?? 0) + 1);
  return [...times].filter(([, count]) => count > 1).map(([uid, count]) => `${uid} was ${what} ${count} times`);
}
