/** What an agent that has nothing to do asks of a real API server, and what it takes meanwhile. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { agentNamespace, apply, deploymentOf } from '../../tools/testing/kube/agent-account.ts';
import { askedByAgent } from '../../tools/testing/kube/audit-log.ts';
import { ensureControlPlane } from '../../tools/testing/kube/build.mjs';
import { ControlPlane } from '../../tools/testing/kube/control-plane.ts';
import { until } from '../../tools/testing/kube/kills/killing.ts';
import { Kubectl } from '../../tools/testing/kube/kubectl.ts';
import { agentSettings } from '../../tools/testing/kube/start-agent.ts';
import { withBuilt } from '../harness/built.ts';
import { cpuSecondsOf, peakMiB, residentMiB } from '../harness/process-figures.ts';
import type { Report } from '../harness/report.ts';
import { startInstalledAgent } from './installed-agent.ts';

const namespace = 'idle';
const pods = 1_000;
/** Each of them is an event for each pod. */
const relabellings = 10;

type Line = Readonly<{ verb: string; objectRef: { resource: string }; stage: string }>;

/** `minutes`: after five the server begins to end watches, after ten it has ended each. */
export async function idle(minutes: number, report: Report): Promise<void> {
  const plane = await ControlPlane.start({ programs: await ensureControlPlane() });
  const folder = await mkdtemp(join(tmpdir(), 'testudo-idle-'));
  try {
    const kubectl = new Kubectl(plane.address);
    const kubernetes = await agentNamespace(kubectl, namespace, folder);
    await apply(
      kubectl,
      Array.from({ length: pods / 50 }, (_, at) => deploymentOf({ name: `crowd-${at}`, namespace, replicas: 50 })),
    );
    const inNamespace = (...args: string[]) => kubectl.run(['-n', namespace, ...args]);
    const running = async () =>
      (await inNamespace('get', 'pods', '--field-selector=status.phase=Running', '-o', 'name')).split('\n').length - 1;
    await until(`${pods} pods`, async () => (await running()) >= pods);
    await withBuilt(async (testudo) => {
      const settings = agentSettings({ namespace, folder, kubernetes }, 'agent')
        .filter((setting) => !setting.startsWith('lease.retrySeconds'))
        .concat('rotation.mode=rotate', 'rotation.maxLifetimeMinutes=20160');
      const agent = await startInstalledAgent(testudo, settings, join(folder, 'agent.log'));
      try {
        const asked = () => askedByAgent<Line>(plane.address.folder, namespace);
        // It may lead before its first lists are whole: from then on it is ready.
        await until('an agent that leads and sees everything', async () => {
          const port = /"port":(\d+)/.exec(await readFile(join(folder, 'agent.log'), 'utf8'))?.[1];
          const page = port === undefined ? undefined : await fetch(`http://127.0.0.1:${port}/readyz`);
          return page?.status === 200 && ((await page.json()) as { leads: boolean }).leads;
        });
        const [atFirst, cpuAtFirst] = [(await asked()).length, cpuSecondsOf(agent.pid)];
        await pause(minutes * 60_000);
        // The end of a watch stands in the log too: it is the one that was begun.
        const quiet = (await asked())
          .slice(atFirst)
          .filter(({ verb, stage }) => verb !== 'watch' || stage === 'ResponseStarted');
        const cores = (cpuSecondsOf(agent.pid) - cpuAtFirst) / (minutes * 60);
        const restMiB = residentMiB(agent.pid);
        // The watch's work: every pod is written again and again.
        let events = 0;
        for (let at = 0; at < relabellings; at += 1) {
          const label = ['-n', namespace, 'label', 'pods', '--all', `turn=${at}`, '--overwrite', '-o', 'name'];
          // A pod that is written by somebody else meanwhile, or a server that is slow, ends it early: what was written counts.
          events += (await kubectl.try('kubectl', label)).out.split('\n').length - 1;
        }
        await pause(5_000); // What was written last has come by then; the peak is what counts.
        const highestMiB = peakMiB(agent.pid);
        const of = (verb: string) => quiet.filter((line) => line.verb === verb);
        const watches = Map.groupBy(of('watch'), ({ objectRef }) => objectRef.resource);
        const mostWatches = Math.max(...[...watches.values()].map(({ length }) => length));
        const [lists, lease] = [
          of('list').length,
          quiet.filter(({ objectRef }) => objectRef.resource === 'leases').length,
        ];
        const figures = { minutes, lists, watches: of('watch').length, mostWatches, lease, cores };
        const others = quiet.length - lists - figures.watches - lease;
        report.record({
          case: 'idle, real control plane',
          ...figures,
          others,
          restMiB,
          peakMiB: highestMiB,
          pods,
          events,
        });
        report.text(
          `## At rest\n\nThe agent as it is installed (compiled, with its container's environment), leading, over ${pods} pods of which none is due, on the real control plane for ${minutes} minutes: ${lists} lists, ${figures.watches} watches taken up again ` +
            `after the server had ended them (${mostWatches} at most of one collection; ended after 5 to 10 minutes each), ${lease} requests for its lease, ${others} others; ${(100 * cores).toFixed(1)} % of a core, ${restMiB.toFixed(0)} MiB. After ` +
            `${events} events more of its watches its peak was ${highestMiB.toFixed(0)} MiB. A whole hour of its own clock, each request a real one, is [\`idle-agent.test.ts\`](../../client/response/idle-agent.test.ts).`,
        );
      } finally {
        await agent.stop(60_000);
      }
    });
  } finally {
    await plane.stop();
    await rm(folder, { recursive: true, force: true });
  }
}
