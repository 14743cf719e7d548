import { fileURLToPath } from 'node:url';
import { ensureKubeRouter } from '../../../tools/testing/kube/kube-router.mjs';
import { runChild } from '../../harness/child.ts';
import type { Report } from '../../harness/report.ts';

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
  const found = (await runChild('unshare', ['--net', '--mount', ...node])).found as Found;
  const ways = found.flatMap(({ into, out }) => [into, out]);
  if (ways.some(({ failedBefore }) => failedBefore > 0)) throw new Error('connections failed before the patch');
  const passed = ways.filter(({ firstDropMs }) => firstDropMs === null).length;
  const afterwards = ways.reduce((sum, { stoodAfterFirstDrop }) => sum + stoodAfterFirstDrop, 0);
  const drops = ways.flatMap(({ firstDropMs }) => firstDropMs ?? []).sort((a, b) => a - b);
  const [median, worst] = [drops[drops.length >> 1] as number, drops.at(-1) as number];
  const lived = ways.filter(({ establishedLives }) => establishedLives).length;
  report.record({ case: `packets pods=${found.length}`, medianMs: median, worstMs: worst, passed, afterwards, lived });
  report.text(
    `## Packets\n\nkube-router 2.1.0 (a test's tool, not shipped) in a network namespace, with a process behind each pod: ${found.length} pods put into quarantine by the agent's patch, new ` +
      `connections every 5 ms and one that stood before, into the pod and out of it. The first new connection that was refused came ${median.toFixed(0)} ms after the patch at the median, ` +
      `${worst.toFixed(0)} ms at worst; ${passed} of ${ways.length} directions let everything pass, and ${afterwards} connections came to stand after the first refusal. ` +
      `Of ${ways.length} connections that stood before, ${lived} still brought answers seconds later: ${lived === 0 ? 'it cuts them' : 'this one lets live what stands, as Kubernetes leaves it free to'}.`,
  );
}
