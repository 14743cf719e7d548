/** Rotation by a real agent process on a real control plane: endpoints, calls, memory. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import {
  agentNamespace,
  budgetOf,
  deploymentOf,
  serviceOf,
  statefulSetOf,
} from '../../tools/testing/kube/agent-account.ts';
import { ensureControlPlane } from '../../tools/testing/kube/build.mjs';
import { ControlPlane } from '../../tools/testing/kube/control-plane.ts';
import { Kubectl } from '../../tools/testing/kube/kubectl.ts';
import { EndpointWatch } from '../../tools/testing/kube/watch-endpoints.ts';
import { withBuilt } from '../harness/built.ts';
import { peakMiB } from '../harness/process-figures.ts';
import type { Report } from '../harness/report.ts';
import { startInstalledAgent } from './installed-agent.ts';

const namespace = 'rotated';
/** It is a slow machine with much else to do: what is there by then is reported. */
const msMax = 8 * 60_000;

export function realPlane(report: Report): Promise<void> {
  return withBuilt((testudo) => rotateOn(testudo, report));
}

async function rotateOn(testudo: string, report: Report): Promise<void> {
  const plane = await ControlPlane.start({ programs: await ensureControlPlane() });
  const folder = await mkdtemp(join(tmpdir(), 'testudo-rotation-'));
  try {
    const kubectl = new Kubectl(plane.address);
    const kubernetes = await agentNamespace(kubectl, namespace, folder);
    const singles = Array.from({ length: 10 }, (_, at) => `single-${at}`);
    const sets = Array.from({ length: 4 }, (_, at) => `set-${at}`);
    const items = [
      ...singles.flatMap((name) => [
        deploymentOf({ name, namespace }),
        serviceOf(name, namespace),
        budgetOf(name, namespace, { minAvailable: 1 }),
      ]),
      ...sets.flatMap((name) => [
        statefulSetOf({ name, namespace, replicas: 3 }),
        serviceOf(name, namespace),
        budgetOf(name, namespace, { maxUnavailable: 1 }),
      ]),
      // Beside them what only has to be watched: 1,000 pods that nobody rotates, since they opted out.
      ...Array.from({ length: 20 }, (_, at) => optedOut(`crowd-${at}`, 50)),
    ];
    await kubectl.run(['create', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
    const endpoints = new EndpointWatch(kubernetes, namespace);
    await endpoints.synced;
    const until = async (holds: () => Promise<boolean> | boolean, limitMs = msMax) => {
      for (const startedAt = performance.now(); !(await holds()) && performance.now() - startedAt < limitMs; )
        await pause(250);
    };
    await until(
      () => singles.every((name) => endpoints.ready(name) === 1) && sets.every((name) => endpoints.ready(name) === 3),
    );
    await until(async () => (await podCount(kubectl)) >= 1_022);
    for (const name of singles) endpoints.hold(name, 1);
    for (const name of sets) endpoints.hold(name, 2);
    const settings = [
      ...[`dataDirectory=${join(folder, 'agent')}`, `namespaces=[${namespace}]`, 'health.listen=127.0.0.1:0'],
      ...[`lease.namespace=${namespace}`, 'lease.holder=agent', 'rotation.mode=rotate', 'rotation.settleSeconds=0'],
      ...['rotation.maxLifetimeMinutes=0.5', 'rotation.replacementSecondsMax=15', 'rotation.maxInFlight.cluster=8'],
      ...[
        'rotation.maxInFlight.node=8',
        ...Object.entries(kubernetes).map(([name, value]) => `kubernetes.${name}=${value}`),
      ],
    ];
    const agent = await startInstalledAgent(testudo, settings, join(folder, 'agent.log'));
    const counted = async () => {
      const text = await readFile(join(folder, 'agent', 'rotation.log'), 'utf8').catch(() => '');
      return { release: text.split('"release"').length - 1, evict: text.split('"evict"').length - 1 };
    };
    await until(async () => {
      const { release, evict } = await counted();
      return release >= 50 && evict >= 30;
    });
    const { release, evict } = await counted();
    const rssPeakMiB = peakMiB(agent.pid);
    await agent.stop();
    await endpoints.close();
    const audit = (await readFile(join(plane.address.folder, 'audit.log'), 'utf8')).split('\n');
    const mine = audit.filter((line) => line.includes(`system:serviceaccount:${namespace}:agent`));
    const acts = mine.filter(
      (line) => /"verb":"(?:patch|create)"/.test(line) && line.includes('"resource":"pods"'),
    ).length;
    const lists = mine.filter((line) => line.includes('"verb":"list"')).length;
    const worst = Math.min(...singles.map((name) => endpoints.least(name)));
    const worstSet = Math.min(...sets.map((name) => endpoints.least(name)));
    const callsPerRotation = acts / (release + evict);
    report.record({
      ...{
        case: 'real control plane',
        single: release,
        stateful: evict,
        leastReadySingle: worst,
        leastReadySet: worstSet,
      },
      ...{ samples: endpoints.samples, callsPerRotation, lists, rssPeakMiB },
    });
    report.text(
      `## On a real control plane\n\nKubernetes 1.36.3 with kwok for kubelets, 1,000 pods beside those that are rotated, one agent process, compiled and with its container's environment. ${release} rotations of single replicas ` +
        `under \`minAvailable: 1\`, ${evict} of StatefulSets of three under \`maxUnavailable: 1\`. In ${endpoints.samples} events of the EndpointSlices' watch ` +
        `a Service of a single replica had at least ${worst} ready endpoint, one of three at least ${worstSet}. ${callsPerRotation.toFixed(2)} calls for each rotation, ` +
        `${lists} lists in all (the first of each watch and its pages). Peak memory of the agent: ${rssPeakMiB.toFixed(0)} MiB.`,
    );
  } finally {
    await plane.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

function optedOut(name: string, replicas: number) {
  const deployment = deploymentOf({ name, namespace, replicas });
  const { template } = deployment.spec;
  const metadata = { ...template.metadata, annotations: { 'testudo.io/rotation-mode': 'off' } };
  return { ...deployment, spec: { ...deployment.spec, template: { ...template, metadata } } };
}

async function podCount(kubectl: Kubectl): Promise<number> {
  const names = await kubectl.run([
    '-n',
    namespace,
    'get',
    'pods',
    '--field-selector=status.phase=Running',
    '-o',
    'name',
  ]);
  return names.split('\n').filter(Boolean).length;
}
