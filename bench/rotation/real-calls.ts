/** What a quarantine asks of a real API server: changes of pods, and reads for evidence. */
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { agentNamespace, apply, deploymentOf, serviceOf } from '../../tools/testing/kube/agent-account.ts';
import { askedByAgent } from '../../tools/testing/kube/audit-log.ts';
import { ensureControlPlane } from '../../tools/testing/kube/build.mjs';
import { ControlPlane } from '../../tools/testing/kube/control-plane.ts';
import { startAgentProcess, until } from '../../tools/testing/kube/kills/killing.ts';
import { WatchedPods } from '../../tools/testing/kube/kills/watched-pods.ts';
import { Kubectl } from '../../tools/testing/kube/kubectl.ts';
import { alertLines, denyAll, quarantineFiles, unbounded } from '../../tools/testing/kube/quarantine-ground.ts';
import { agentSettings } from '../../tools/testing/kube/start-agent.ts';
import type { Report } from '../harness/report.ts';

const namespace = 'counted';
const replicas = 6;

type Line = Readonly<{ verb: string; objectRef: { resource: string }; responseStatus?: { code?: number } }>;

/** Each is brought to its verdict before the next begins. Requests by the agent for each of them, refused ones included. */
export async function callsOfQuarantine(quarantines: number, report: Report): Promise<void> {
  const plane = await ControlPlane.start({ programs: await ensureControlPlane() });
  const folder = await mkdtemp(join(tmpdir(), 'testudo-calls-'));
  const kubectl = new Kubectl(plane.address);
  try {
    const kubernetes = await agentNamespace(kubectl, namespace, folder);
    const web = deploymentOf({ name: 'web', namespace, replicas });
    await apply(kubectl, [web, serviceOf('web', namespace), denyAll(namespace)]);
    const pods = new WatchedPods(kubernetes, namespace, () => undefined);
    await pods.synced;
    const { alerts, settings } = await quarantineFiles(folder, unbounded());
    const logFile = join(folder, 'agent.log');
    const agent = await startAgentProcess({
      ...{ name: 'agent', failpoint: undefined, logFile },
      settings: [...agentSettings({ namespace, folder, kubernetes }, 'agent'), ...settings()],
    });
    await until('an agent that leads', async () => (await readFile(logFile, 'utf8')).includes('this agent leads'));
    const asked = async () =>
      (await askedByAgent<Line>(plane.address.folder, namespace)).filter(
        ({ verb, objectRef }) => verb !== 'watch' && objectRef.resource !== 'leases',
      );
    const before = (await asked()).length;
    const marked = () => [...pods.now.values()].filter(({ labels }) => labels['testudo.io/quarantined'] !== undefined);
    for (let at = 1; at <= quarantines; at += 1) {
      const isOld = ({ isReady, createdAtMs }: { isReady: boolean; createdAtMs: number }) =>
        isReady && Date.now() > createdAtMs + 1_000;
      await until('a workload that is whole again', () => pods.of('web').filter(isOld).length === replicas);
      const { name } = pods.of('web')[0] as { name: string };
      await appendFile(alerts, alertLines(namespace, name, ['syscall', 'flow'], `${name} did what it never did`));
      await until('a pod in quarantine', () => marked().length === at);
    }
    // Its verdict is the last that is asked for.
    await agent.stop(60_000);
    const all = (await asked()).slice(before);
    const changes = all.filter(({ verb }) => verb === 'patch' || verb === 'create').length;
    await pods.close();
    const figures = { changes: changes / quarantines, reads: (all.length - changes) / quarantines };
    report.record({ case: 'calls of a quarantine', quarantines, ...figures });
    report.text(
      `## What a quarantine asks for\n\n${quarantines} quarantines by an agent on the real control plane, one after the other, from the audit log: ${figures.changes.toFixed(2)} requests that change something for each ` +
        `(a dry-run eviction that asks budgets, and the patch), and ${figures.reads.toFixed(2)} reads for evidence and verdict.`,
    );
  } finally {
    await plane.stop();
    await rm(folder, { recursive: true, force: true });
  }
}
