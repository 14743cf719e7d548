/** Quarantine on a real control plane: how soon a pod is out of its Service and replaced, and how soon the breaker opens. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemTimers } from '../../base/system-timers.ts';
import { KubeEndpoint } from '../../client/kube/endpoint.ts';
import { Reflector } from '../../client/kube/reflector.ts';
import { readinessOf } from '../../client/kube/server-readiness.ts';
import { apiCluster } from '../../client/response/cluster/api-cluster.ts';
import { sendTo } from '../../client/response/cluster/send.ts';
import { quarantineChange } from '../../client/response/quarantine/marks.ts';
import type { QuarantinePage } from '../../client/response/quarantine/quarantine.ts';
import { agentNamespace, apply, deploymentOf, serviceOf } from '../../tools/testing/kube/agent-account.ts';
import { ensureControlPlane } from '../../tools/testing/kube/build.mjs';
import { ControlPlane } from '../../tools/testing/kube/control-plane.ts';
import { startAgentProcess, until } from '../../tools/testing/kube/kills/killing.ts';
import { WatchedPods } from '../../tools/testing/kube/kills/watched-pods.ts';
import { Kubectl } from '../../tools/testing/kube/kubectl.ts';
import { alertLines, denyAll, enforcing, quarantineFiles } from '../../tools/testing/kube/quarantine-ground.ts';
import { agentSettings } from '../../tools/testing/kube/start-agent.ts';
import type { Report } from '../harness/report.ts';

type Ground = Readonly<{
  kubernetes: Awaited<ReturnType<typeof agentNamespace>>;
  namespace: string;
  folder: string;
  replicas: number;
}>;

export async function realQuarantine(quarantines: number, report: Report): Promise<void> {
  const plane = await ControlPlane.start({ programs: await ensureControlPlane() });
  const folder = await mkdtemp(join(tmpdir(), 'testudo-quarantine-'));
  const kubectl = new Kubectl(plane.address);
  const groundOf = async (namespace: string, replicas: number) => {
    const own = join(folder, namespace);
    await mkdir(own);
    const kubernetes = await agentNamespace(kubectl, namespace, own);
    const web = deploymentOf({ name: 'web', namespace, replicas });
    await apply(kubectl, [web, serviceOf('web', namespace), denyAll(namespace)]);
    return { kubernetes, namespace, folder: own, replicas };
  };
  try {
    const { out, replaced } = await isolate(await groundOf('isolated', 20), quarantines);
    const { openedMs, quarantined, budget } = await flood(await groundOf('flooded', 40));
    report.record({
      ...{ case: 'quarantine, real control plane', quarantines, out, replaced },
      ...{ outP99Ms: out.p99, replacedP99Ms: replaced.p99 },
    });
    report.record({ case: 'breaker, real control plane', openedMs, quarantined, budget });
    const seconds = (ms: number) => (ms / 1_000).toFixed(2);
    report.text(
      `## Quarantine on a real control plane\n\n${quarantines} pods of a Service of 20, one after the other. From the patch to the event of the watch by which the pod is out of its ` +
        `EndpointSlice: ${seconds(out.p50)} s at the median, ${seconds(out.p99)} s at p99; to the one by which its replacement is there: ${seconds(replaced.p50)} and ${seconds(replaced.p99)} s. ` +
        `A model that flags every pod of 40 on two tracks at once, in a signed policy of \`enforce\`: the breaker was open ${seconds(openedMs)} s after the alerts were written, and ${quarantined} ` +
        `pods were in quarantine ten seconds later, where the budget of the workload allows ${budget} an hour.`,
    );
  } finally {
    await plane.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function isolate({ kubernetes, namespace, replicas }: Ground, quarantines: number) {
  const endpoint = new KubeEndpoint(kubernetes);
  const stopping = new AbortController();
  const cluster = apiCluster(sendTo(endpoint, systemTimers, stopping.signal), () => true);
  const slices = new Map<string, Slice>();
  const unit = () => 0.1;
  const reflector = new Reflector<Slice>(
    { path: `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices` },
    {
      ...{ endpoint, readiness: readinessOf(endpoint, systemTimers, unit), timers: systemTimers, unit },
      project: sliceOf,
      onAll: (all) => {
        slices.clear();
        for (const slice of all) slices.set(slice.uid, slice);
      },
      onPut: (slice) => void slices.set(slice.uid, slice),
      onGone: ({ uid }) => void slices.delete(uid),
      onEnded: () => undefined,
    },
  );
  const pods = new WatchedPods(kubernetes, namespace, () => undefined);
  await Promise.all([reflector.synced, pods.synced]);
  const served = () => [...slices.values()].flatMap(({ pods: uids }) => uids);
  const out: number[] = [];
  const replaced: number[] = [];
  for (let at = 0; at < quarantines; at += 1) {
    const isWhole = () => served().length === replicas && pods.of('web').every(({ isReady }) => isReady);
    await until('a whole workload', isWhole);
    const pod = pods.of('web')[0];
    if (pod === undefined || !served().includes(pod.uid)) throw new Error('no pod that is served to');
    const { size } = pods.seen;
    const sentAt = performance.now();
    const mark = { atMs: Date.now(), untilMs: Date.now() + 86_400_000, evidence: 'sha256:none', alerts: [] };
    const done = await cluster.patchPod(pod, quarantineChange(pod, mark));
    if (!done.ok) throw new Error(done.fault.message);
    const since = async (what: string, holds: () => boolean) => {
      await until(what, holds);
      return performance.now() - sentAt;
    };
    const [outMs, replacedMs] = await Promise.all([
      since('a pod out of its slice', () => !served().includes(pod.uid)),
      since('a replacement', () => pods.seen.size > size),
    ]);
    out.push(outMs);
    replaced.push(replacedMs);
  }
  stopping.abort();
  await Promise.all([reflector.stop(), pods.close()]);
  endpoint.close();
  return { out: quantiles(out), replaced: quantiles(replaced) };
}

async function flood({ kubernetes, namespace, folder, replicas }: Ground) {
  const pods = new WatchedPods(kubernetes, namespace, () => undefined);
  await pods.synced;
  await until('every pod ready', () => pods.of('web').filter(({ isReady }) => isReady).length === replicas);
  const policy = enforcing();
  const { alerts, settings } = await quarantineFiles(folder, policy);
  const logFile = join(folder, 'agent.log');
  const agent = await startAgentProcess({
    ...{ name: 'agent', failpoint: undefined, logFile },
    settings: [...agentSettings({ namespace, folder, kubernetes }, 'agent'), ...settings()],
  });
  const said = async () => await readFile(logFile, 'utf8');
  await until('an agent that leads', async () => (await said()).includes('this agent leads'));
  const port = /"port":(\d+)/.exec(await said())?.[1];
  const page = async () => (await (await fetch(`http://127.0.0.1:${port}/quarantine`)).json()) as QuarantinePage;
  // An alert of a pod's first second may be of the one before it.
  await until('pods that are a second old', () =>
    pods.of('web').every(({ createdAtMs }) => Date.now() > createdAtMs + 1_000),
  );
  const lines = pods.of('web').map(({ name }) => alertLines(namespace, name, ['syscall', 'flow'], 'flagged'));
  const writtenAt = performance.now();
  await writeFile(alerts, lines.join(''));
  await until('an open breaker', async () => (await page()).breaker !== null);
  const openedMs = performance.now() - writtenAt;
  await new Promise((resolve) => setTimeout(resolve, 10_000));
  const { quarantined } = await page();
  await agent.stop(60_000);
  await pods.close();
  return { openedMs, quarantined: quarantined.length, budget: policy.budgets.workload.hour };
}

type Slice = Readonly<{ uid: string; pods: readonly string[] }>;

/** `pods`: uids of those that are sent to. */
function sliceOf(object: unknown): Slice | undefined {
  type Raw = {
    metadata: { uid: string };
    endpoints?: { conditions?: { ready?: boolean }; targetRef?: { uid?: string } }[] | null;
  };
  const { metadata, endpoints } = object as Raw;
  const ready = (endpoints ?? []).filter(({ conditions }) => conditions?.ready !== false);
  return { uid: metadata.uid, pods: ready.flatMap(({ targetRef }) => targetRef?.uid ?? []) };
}

function quantiles(times: number[]) {
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(share * times.length))] as number;
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}
