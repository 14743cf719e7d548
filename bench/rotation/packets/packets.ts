import { fileURLToPath } from 'node:url';
import { ensureKubeRouter } from '../../../tools/testing/kube/kube-router.mjs';
import { runChild } from '../../harness/child.ts';
import type { Report } from '../../harness/report.ts';
import type { Drilled } from './drilled.ts';

const script = fileURLToPath(new URL('./packets-process.ts', import.meta.url));

type Way = Readonly<{
  failedBefore: number;
  firstDropMs: number | null;
  stoodAfterFirstDrop: number;
  establishedLives: boolean;
}>;
type Found = readonly Readonly<{ into: Way; out: Way }>[];

/** What a quarantine does to packets, by one that enforces policies: new connections and those that stand, in both directions. */
export async function packets(pods: number, report: Report): Promise<void> {
  const program = await ensureKubeRouter();
  const node = [process.execPath, '--disable-warning=ExperimentalWarning', script, program, String(pods)];
  const child = await runChild('unshare', ['--net', '--mount', ...node]);
  const found = child.found as Found;
  const drilled = child.drilled as Readonly<Record<'without' | 'within', readonly Drilled[]>>;
  const ways = found.flatMap(({ into, out }) => [into, out]);
  if (ways.some(({ failedBefore }) => failedBefore > 0)) throw new Error('connections failed before the patch');
  const passed = ways.filter(({ firstDropMs }) => firstDropMs === null).length;
  const afterwards = ways.reduce((sum, { stoodAfterFirstDrop }) => sum + stoodAfterFirstDrop, 0);
  const drops = ways.flatMap(({ firstDropMs }) => firstDropMs ?? []).sort((a, b) => a - b);
  const [median, worst] = [drops[drops.length >> 1] as number, drops.at(-1) as number];
  const lived = ways.filter(({ establishedLives }) => establishedLives).length;
  report.record({ case: `packets pods=${found.length}`, medianMs: median, worstMs: worst, passed, afterwards, lived });
  report.record({ case: 'packets, the drill', ...drilled });
  report.text(
    `## Packets\n\nkube-router 2.1.0 (a test's tool, not shipped) in a network namespace, with a process behind each pod: ${found.length} pods put into quarantine by the agent's patch, new ` +
      `connections every 5 ms and one that stood before, into the pod and out of it. The first new connection that was refused came ${median.toFixed(0)} ms after the patch at the median, ` +
      `${worst.toFixed(0)} ms at worst; ${passed} of ${ways.length} directions let everything pass, and ${afterwards} connections came to stand after the first refusal. ` +
      `Of ${ways.length} connections that stood before, ${lived} still brought answers seconds later: ${lived === 0 ? 'it cuts them' : 'this one lets live what stands, as Kubernetes leaves it free to'}.`,
  );
  report.text(
    'The drill `quarantine-probe`, run there as an operator runs it (`kubectl exec` reaches a process in the network of its calling pod), said in a namespace without ' +
      'the policy that isolates, and in one with it:',
  );
  const verdictsOf = (checks: readonly Drilled[], at: number) => `${checks[at]?.verdict}: ${checks[at]?.happened}`;
  report.table(
    ['it looked at', 'without', 'with'],
    drilled.within.map(({ what }, at) => [what, verdictsOf(drilled.without, at), verdictsOf(drilled.within, at)]),
  );
}
