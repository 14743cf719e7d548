import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { isolationOf, isolationText, projectPolicy } from '../../../client/response/quarantine/isolation.ts';
import { quarantineChange } from '../../../client/response/quarantine/marks.ts';
import type { OperatorsKubectl } from './kubectl.ts';
import { type Check, checkThat, type Drill, notMeasured } from './report.ts';

export const quarantineProbe: Drill = {
  name: 'quarantine-probe',
  does:
    'makes a Deployment of one pod that echoes, a Service before it and a pod that calls it; puts the first into quarantine by the very ' +
    'patch that the agent uses; looks whether Service, ReplicaSet and policies did what they should, and whether the network cuts new and ' +
    'established connections',
  needs: 'kubectl with the rights to make and patch pods in the namespace; an image with a shell and nc',
  undoes: 'deletes everything it made, also when it fails half-way',
};

type Pod = Readonly<{
  metadata: Readonly<{ name: string; uid: string; resourceVersion: string; labels: Readonly<Record<string, string>> }>;
  status: Readonly<{ podIP?: string; conditions?: readonly Readonly<{ type: string; status: string }>[] }>;
}>;

const port = 8_080;
const lookMs = 100;
const readyMsMax = 120_000;
const outMsMax = 30_000;
const echoMsMax = 5_000;

/** Runs it; rejects where it could not even begin, after undoing what it made. */
export async function runQuarantineProbe(
  kubectl: OperatorsKubectl,
  namespace: string,
  image: string,
): Promise<readonly Check[]> {
  const id = `testudo-drill-${randomBytes(4).toString('hex')}`;
  let talk: ChildProcessWithoutNullStreams | undefined;
  let probe: Pod | undefined;
  try {
    await kubectl.run(
      ['create', '-f', '-'],
      JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objectsOf(id, image) }),
    );
    probe = await until(readyMsMax, 'a ready probe pod', async () => (await podsOf(kubectl, id)).find(isReady));
    const address = probe.status.podIP ?? '';
    await until(readyMsMax, 'the probe pod in its Service', async () => (await served(kubectl, id)).includes(address));
    const caller = `${id}-caller`;
    const call = () => kubectl.try(['exec', caller, '--', 'nc', '-z', '-w', '3', address, String(port)]);
    const before = await call();
    talk = before.code === 0 ? kubectl.start(['exec', '-i', caller, '--', 'nc', address, String(port)]) : undefined;
    const talked = talk !== undefined && (await echoes(talk, 'before'));

    const sinceMs = performance.now();
    await patch(kubectl, probe);
    const checks: Check[] = [
      await leftService(kubectl, id, address, sinceMs),
      await replaced(kubectl, id, probe, sinceMs),
    ];
    checks.push(await verdict(kubectl, namespace, probe.metadata.name));
    const why = `the caller could not reach the probe before: ${before.error.trim().slice(0, 200) || `nc ended with ${before.code}`}`;
    checks.push(before.code === 0 ? newConnection(await call()) : notMeasured(newWhat, newExpected, why));
    checks.push(
      talked && talk !== undefined
        ? establishedConnection(await echoes(talk, 'after'))
        : notMeasured(oldWhat, oldExpected, why),
    );
    return checks;
  } finally {
    talk?.kill();
    const names = ['deployment', 'service'].map((kind) => `${kind}/${id}`);
    // The pod in quarantine has lost its labels: nothing but its name finds it.
    const pods = [`pod/${id}-caller`, ...(probe === undefined ? [] : [`pod/${probe.metadata.name}`])];
    await kubectl.try(['delete', ...names, ...pods, '--ignore-not-found', '--wait=false']);
  }
}

const newWhat = 'a new connection to the pod in quarantine';
const newExpected = 'refused or dropped';
const oldWhat = 'a connection that stood before';
const oldExpected = 'cut; Kubernetes leaves it to the network, so an intruder may keep his';

function newConnection({ code }: Readonly<{ code: number }>): Check {
  return checkThat(
    newWhat,
    newExpected,
    code === 0 ? 'let through: this network does not enforce the policy' : 'dropped',
    code !== 0,
  );
}

function establishedConnection(isAlive: boolean): Check {
  const happened = isAlive ? 'it lives on: isolation does not end what stands' : 'cut';
  return checkThat(oldWhat, oldExpected, happened, !isAlive);
}

async function patch(kubectl: OperatorsKubectl, { metadata }: Pod): Promise<void> {
  const { uid, resourceVersion, labels, name } = metadata;
  const now = Date.now();
  const mark = { atMs: now, untilMs: now + 3_600_000, evidence: 'a drill: none', alerts: [] };
  const change = { metadata: { uid, resourceVersion, ...quarantineChange({ labels }, mark) } };
  await kubectl.run(['patch', 'pod', name, '--type=merge', '-p', JSON.stringify(change)]);
}

async function leftService(kubectl: OperatorsKubectl, id: string, address: string, sinceMs: number): Promise<Check> {
  const [what, expected] = ['the Service and the pod', 'it sends nothing there any more, within a second'];
  const isOut = await holds(outMsMax, async () => !(await served(kubectl, id)).includes(address));
  const tookMs = Math.round(performance.now() - sinceMs);
  if (!isOut) return checkThat(what, expected, `still there after ${outMsMax / 1_000} s`, false);
  return checkThat(
    what,
    expected,
    `out of its EndpointSlice after at most ${tookMs} ms, looked at through kubectl`,
    true,
  );
}

async function replaced(kubectl: OperatorsKubectl, id: string, probe: Pod, sinceMs: number): Promise<Check> {
  const [what, expected] = ['the ReplicaSet', 'it lets go of the pod and starts another'];
  const isNew = async () => (await podsOf(kubectl, id)).some((pod) => pod.metadata.uid !== probe.metadata.uid);
  const did = await holds(outMsMax, isNew);
  const tookMs = Math.round(performance.now() - sinceMs);
  return checkThat(what, expected, did ? `another pod after at most ${tookMs} ms` : 'no other pod came', did);
}

async function verdict(kubectl: OperatorsKubectl, namespace: string, name: string): Promise<Check> {
  const [pod, policies] = await Promise.all([
    kubectl.json<Pod>(['get', 'pod', name]),
    kubectl.json<{ items: readonly unknown[] }>(['get', 'networkpolicies']),
  ]);
  const facts = policies.items.flatMap((one) => projectPolicy(one) ?? []);
  const isolation = isolationOf({ namespace, labels: pod.metadata.labels }, facts);
  return checkThat(
    'NetworkPolicies of the namespace',
    'isolated',
    isolationText(isolation),
    isolation.verdict === 'isolated',
  );
}

/** Whether what is said comes back over a connection, within some seconds. */
async function echoes(talk: ChildProcessWithoutNullStreams, word: string): Promise<boolean> {
  if (talk.exitCode !== null) return false;
  let heard = '';
  const listen = (chunk: Buffer) => {
    heard += chunk.toString('utf8');
  };
  talk.stdout.on('data', listen);
  talk.stdin.on('error', () => undefined);
  talk.stdin.write(`${word}\n`);
  const did = await holds(echoMsMax, async () => heard.includes(word));
  talk.stdout.off('data', listen);
  return did;
}

async function podsOf(kubectl: OperatorsKubectl, id: string): Promise<readonly Pod[]> {
  return (await kubectl.json<{ items: readonly Pod[] }>(['get', 'pods', '-l', `testudo-drill=${id}`])).items;
}

async function served(kubectl: OperatorsKubectl, id: string): Promise<readonly string[]> {
  type Slice = Readonly<{ endpoints: readonly Readonly<{ addresses: readonly string[] }>[] | null }>;
  const selector = ['-l', `kubernetes.io/service-name=${id}`];
  const { items } = await kubectl.json<{ items: readonly Slice[] }>(['get', 'endpointslices', ...selector]);
  return items.flatMap(({ endpoints }) => (endpoints ?? []).flatMap(({ addresses }) => addresses));
}

function isReady({ status }: Pod): boolean {
  return status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;
}

async function holds(msMax: number, look: () => Promise<boolean>): Promise<boolean> {
  for (const sinceMs = performance.now(); !(await look()); await pause(lookMs)) {
    if (performance.now() - sinceMs > msMax) return false;
  }
  return true;
}

async function until<Value>(
  msMax: number,
  what: string,
  look: () => Promise<Value | undefined | false>,
): Promise<Value> {
  for (const sinceMs = performance.now(); ; await pause(lookMs)) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() - sinceMs > msMax) throw new Error(`no sign of ${what} after ${msMax / 1_000} s`);
  }
}

function objectsOf(id: string, image: string): readonly object[] {
  const labels = { 'testudo-drill': id };
  const container = (name: string, script: string) => ({
    name,
    image,
    command: ['sh', '-c', script],
    resources: { limits: { cpu: '100m', memory: '32Mi' } },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
      runAsUser: 65_532,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    },
  });
  const spec = (name: string, script: string) => ({
    automountServiceAccountToken: false,
    containers: [container(name, script)],
  });
  const echo = spec('echo', `exec nc -lk -p ${port} -e cat`);
  return [
    {
      ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: id } },
      spec: { replicas: 1, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: echo } },
    },
    { apiVersion: 'v1', kind: 'Service', metadata: { name: id }, spec: { selector: labels, ports: [{ port }] } },
    { apiVersion: 'v1', kind: 'Pod', metadata: { name: `${id}-caller` }, spec: spec('caller', 'exec sleep 600') },
  ];
}
