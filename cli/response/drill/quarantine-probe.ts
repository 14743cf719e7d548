import { isolationOf, isolationText, projectPolicy } from '../../../client/response/quarantine/isolation.ts';
import { quarantineChange } from '../../../client/response/quarantine/marks.ts';
import {
  container,
  drillId,
  isReady,
  make,
  type Pod,
  podSpec,
  podsOf,
  readyMsMax,
  served,
  serviceOf,
  unmake,
  workloadOf,
} from './canary-pods.ts';
import { connectionChecks } from './connection-checks.ts';
import type { OperatorsKubectl, Ran } from './kubectl.ts';
import { hasRunInVain, Talk, tryUntilRefused } from './probe-connections.ts';
import { type Check, checkThat, type Drill } from './report.ts';
import { holds, until } from './waiting.ts';

export const quarantineProbe: Drill = {
  name: 'quarantine-probe',
  asks: 'if a pod of this namespace were put into quarantine, would it really be cut off?',
  does:
    'make a small pod that echoes what it hears, a Service before it and a second pod that calls it; then put the first into quarantine ' +
    'by the very patch that the agent uses; no pod of yours is touched',
  expects:
    'the Service forgets the pod, its Deployment starts another in its place, and neither a new connection to it nor one that stood before works any more',
  needs: 'kubectl with the rights to make, patch and delete pods in the namespace; an image with a shell and nc',
  undoes: 'everything that it made is deleted, also when it fails or is interrupted half-way',
  isHarmless: true,
};

const port = 8_080;
const outMsMax = 30_000;
/** A pod's process may listen a little later than the pod is ready. */
const listenMsMax = 5_000;
/** So long a connection that stood may be silent before it is called cut. */
const standingMsMax = 15_000;
const noneTried = { refusedAfterMs: null };
/** New connections are tried for so long: networks take up to seconds to hear of a label. */
const refusedMsMax = 30_000;

/** Runs it; rejects where it could not even begin, or was told to end, after undoing what it made. */
export async function runQuarantineProbe(
  kubectl: OperatorsKubectl,
  namespace: string,
  image: string,
  signal: AbortSignal,
): Promise<readonly Check[]> {
  const id = drillId();
  let talk: Talk | undefined;
  let probe: Pod | undefined;
  try {
    await make(kubectl, objectsOf(id, image));
    const ready = async () => (await podsOf(kubectl, id)).find(isReady);
    probe = await until(readyMsMax, signal, `a ready pod of ${image}`, ready);
    const address = probe.status.podIP ?? '';
    const isServed = async () => (await served(kubectl, id)).includes(address);
    await until(readyMsMax, signal, 'the probe pod in its Service', isServed);
    const caller = `${id}-caller`;
    await until(readyMsMax, signal, 'a ready calling pod', async () =>
      isReady(await kubectl.json<Pod>(['get', 'pod', caller])),
    );
    const call = () => kubectl.try(['exec', caller, '--', 'nc', '-z', '-w', '3', address, String(port)]);
    const before = await firstOf(call, signal);
    const standing = ['exec', '-i', caller, '--', 'nc', address, String(port)];
    talk = before.code === 0 ? new Talk(kubectl.start(standing)) : undefined;
    const talked = (await talk?.echoes('before', signal)) === true;

    const sinceMs = performance.now();
    await patch(kubectl, probe);
    const checks: Check[] = [
      await leftService(kubectl, id, address, sinceMs, signal),
      await replaced(kubectl, id, probe, sinceMs, signal),
    ];
    checks.push(await verdict(kubectl, namespace, probe.metadata.name));
    const tried = before.code === 0 ? await tryUntilRefused(call, sinceMs, refusedMsMax, signal) : noneTried;
    const standingLives = talked ? await talk?.echoes('after', signal, standingMsMax) : undefined;
    const podRanOn = await ranOn(kubectl, probe);
    const found = { ...tried, triedForMs: refusedMsMax, standingLives, podRanOn };
    checks.push(...connectionChecks({ noneBefore: whyNone(before), ...found }));
    return checks;
  } finally {
    talk?.end();
    const names = ['deployment', 'service'].map((kind) => `${kind}/${id}`);
    // The pod in quarantine has lost its labels: nothing but its name finds it.
    const pods = [`pod/${id}-caller`, ...(probe === undefined ? [] : [`pod/${probe.metadata.name}`])];
    await unmake(kubectl, [...names, ...pods]);
  }
}

async function firstOf(call: () => Promise<Ran>, signal: AbortSignal): Promise<Ran> {
  let last: Ran | undefined;
  await holds(listenMsMax, signal, async () => {
    last = await call();
    return last.code === 0 || !hasRunInVain(last);
  });
  return last as Ran;
}

function whyNone({ code, error }: Ran): string | undefined {
  if (code === 0) return undefined;
  return `no packet could be sent: ${error.trim().slice(0, 200) || `nc ended with ${code}`}`;
}

/** Whether it is the same pod, and its containers were begun as often as before. */
async function ranOn(kubectl: OperatorsKubectl, { metadata, status }: Pod): Promise<boolean> {
  const ran = await kubectl.try(['get', 'pod', metadata.name, '-o', 'json']);
  if (ran.code !== 0) return false;
  const now = JSON.parse(ran.out) as Pod;
  const restarts = (of: Pod['status']) => (of.containerStatuses ?? []).map(({ restartCount }) => restartCount).join();
  const isEnding = now.metadata.deletionTimestamp !== undefined || now.status.phase !== 'Running';
  return now.metadata.uid === metadata.uid && !isEnding && restarts(now.status) === restarts(status);
}

async function patch(kubectl: OperatorsKubectl, { metadata }: Pod): Promise<void> {
  const { uid, resourceVersion, labels = {}, name } = metadata;
  const now = Date.now();
  const mark = { atMs: now, untilMs: now + 3_600_000, evidence: 'a drill: none', alerts: [] };
  const change = { metadata: { uid, resourceVersion, ...quarantineChange({ labels }, mark) } };
  await kubectl.run(['patch', 'pod', name, '--type=merge', '-p', JSON.stringify(change)]);
}

async function leftService(
  kubectl: OperatorsKubectl,
  id: string,
  address: string,
  sinceMs: number,
  signal: AbortSignal,
): Promise<Check> {
  const [what, expected] = ['the Service before the pod', 'it sends nothing there any more, within a second or so'];
  const isOut = await holds(outMsMax, signal, async () => !(await served(kubectl, id)).includes(address));
  const tookMs = Math.round(performance.now() - sinceMs);
  const happened = isOut
    ? `the pod was out of it after at most ${tookMs} ms, looked at through kubectl`
    : `it still sent there after ${outMsMax / 1_000} s`;
  return checkThat(what, expected, happened, isOut, 'look whether kube-controller-manager runs and is not behind');
}

async function replaced(
  kubectl: OperatorsKubectl,
  id: string,
  probe: Pod,
  sinceMs: number,
  signal: AbortSignal,
): Promise<Check> {
  const [what, expected] = [
    'the Deployment of the pod',
    'it lets go of the pod and starts another, so that users lose nothing',
  ];
  const isNew = async () => (await podsOf(kubectl, id)).some((pod) => pod.metadata.uid !== probe.metadata.uid);
  const did = await holds(outMsMax, signal, isNew);
  const tookMs = Math.round(performance.now() - sinceMs);
  const happened = did ? `another pod after at most ${tookMs} ms` : 'no other pod came';
  return checkThat(what, expected, happened, did, 'look for a quota or admission that refuses pods in this namespace');
}

async function verdict(kubectl: OperatorsKubectl, namespace: string, name: string): Promise<Check> {
  const [pod, policies] = await Promise.all([
    kubectl.json<Pod>(['get', 'pod', name]),
    kubectl.json<{ items: readonly unknown[] }>(['get', 'networkpolicies']),
  ]);
  const facts = policies.items.flatMap((one) => projectPolicy(one) ?? []);
  const isolation = isolationOf({ namespace, labels: pod.metadata.labels ?? {} }, facts);
  return checkThat(
    'the NetworkPolicies that select the pod, as written',
    'isolated: none of them lets anything in or out',
    isolationText(isolation),
    isolation.verdict === 'isolated',
    isolation.verdict === 'partly'
      ? 'narrow the policies named here, so that they do not select a pod that bears testudo.io/quarantined'
      : 'let the chart make its policy here (agent.namespaces, agent.quarantine.enabled, agent.mayAct)',
  );
}

function objectsOf(id: string, image: string): readonly object[] {
  const caller = podSpec(container('caller', image, 'exec sleep 600'));
  return [
    workloadOf(id, podSpec(container('echo', image, `exec nc -lk -p ${port} -e cat`))),
    serviceOf(id, port),
    { apiVersion: 'v1', kind: 'Pod', metadata: { name: `${id}-caller` }, spec: caller },
  ];
}
