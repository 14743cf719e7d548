/**
 * Quarantine with real packets, in a network namespace of its own: a control plane, kube-router, and pods with a process behind
 * them. Started by packets.ts under `unshare`; the first argument is kube-router, the second how many pods. Prints one JSON line.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { systemTimers } from '../../../base/system-timers.ts';
import { KubeEndpoint } from '../../../client/kube/endpoint.ts';
import { apiCluster } from '../../../client/response/cluster/api-cluster.ts';
import { projectPod } from '../../../client/response/cluster/project.ts';
import { sendTo } from '../../../client/response/cluster/send.ts';
import { quarantineChange } from '../../../client/response/quarantine/marks.ts';
import { accessAs, apply, deploymentOf, grantAgent } from '../../../tools/testing/kube/agent-account.ts';
import { ensureControlPlane } from '../../../tools/testing/kube/build.mjs';
import { ControlPlane } from '../../../tools/testing/kube/control-plane.ts';
import { Kubectl } from '../../../tools/testing/kube/kubectl.ts';
import { denyAll } from '../../../tools/testing/kube/quarantine-ground.ts';
import { drilledWithPackets, prepareExec } from './drilled.ts';
import { type Found, PodNetwork, prepareNode } from './pod-network.ts';

const [kubeRouter = '', wanted = '20'] = process.argv.slice(2);
const count = Number(wanted);
const namespace = 'isolated';
/** How long connections are tried from a second before the patch. */
const [beforeMs, probeMs] = [1_000, 6_000];

type Raw = Readonly<{
  metadata: { name: string; labels: Record<string, string> };
  status: { podIP?: string; phase: string };
}>;

prepareNode();
const own = mkdtempSync(join(tmpdir(), 'testudo-packets-'));
const { configuration, callerFile } = prepareExec(own);
const programs = await ensureControlPlane();
const plane = await ControlPlane.start({ programs, nodeCount: 1, kwokConfigurations: [configuration] });
const stopping = new AbortController();
const networks: PodNetwork[] = [];
try {
  const { folder, kubeconfig } = plane.address;
  const log = openSync(join(folder, 'kube-router.log'), 'a');
  const args = ['--run-firewall=true', '--run-router=false', '--run-service-proxy=false', '--hostname-override=node-1'];
  const router = spawn(kubeRouter, [...args, '--kubeconfig', kubeconfig], { stdio: ['ignore', log, log] });
  stopping.signal.addEventListener('abort', () => router.kill('SIGKILL'));
  const kubectl = new Kubectl(plane.address);
  await kubectl.run(['create', 'namespace', namespace]);
  await grantAgent(kubectl, namespace);
  mkdirSync(join(folder, 'agent'));
  const endpoint = new KubeEndpoint(await accessAs(kubectl, namespace, 'agent', join(folder, 'agent')));
  const cluster = apiCluster(sendTo(endpoint, systemTimers, stopping.signal), () => true);
  await apply(kubectl, [
    deploymentOf({ name: 'web', namespace, replicas: count }),
    deploymentOf({ name: 'caller', namespace }),
    denyAll(namespace),
  ]);
  const pods = async (): Promise<readonly Raw[]> => {
    for (;;) {
      const { items } = await kubectl.json<{ items: Raw[] }>(['-n', namespace, 'get', 'pods']);
      if (items.filter(({ status }) => status.podIP !== undefined && status.phase === 'Running').length > count)
        return items;
      await pause(200);
    }
  };
  const all = await pods();
  for (const [at, { status }] of all.entries()) networks.push(await PodNetwork.of(status.podIP ?? '', at));
  const caller = networks[all.findIndex(({ metadata }) => metadata.labels.app === 'caller')] as PodNetwork;
  await pause(5_000); // kube-router has seen all of them.
  const found: object[] = [];
  for (const [at, { metadata }] of all.entries()) {
    const suspect = networks[at] as PodNetwork;
    if (suspect === caller) continue;
    const into = caller.probe(suspect, probeMs);
    const out = suspect.probe(caller, probeMs);
    await pause(beforeMs);
    const pod = projectPod(await kubectl.json(['-n', namespace, 'get', 'pod', metadata.name]));
    if (pod === undefined) throw new Error(`${metadata.name} cannot be read`);
    const patchedAt = performance.timeOrigin + performance.now();
    const mark = { atMs: patchedAt, untilMs: patchedAt + 3_600_000, evidence: 'sha256:none', alerts: [] };
    const done = await cluster.patchPod(pod, quarantineChange(pod, mark));
    if (!done.ok) throw new Error(`${metadata.name}: ${done.fault.message}`);
    found.push({ into: judged(await into, patchedAt), out: judged(await out, patchedAt) });
  }
  endpoint.close();
  const drilled = await drilledWithPackets(kubectl, callerFile, networks.length);
  process.stdout.write(`${JSON.stringify({ found, drilled })}\n`);
  stopping.abort();
  await once(router, 'exit');
} finally {
  stopping.abort();
  for (const network of networks) network.close();
  await plane.stop();
  rmSync(own, { recursive: true, force: true });
}

/** Milliseconds from the patch. */
function judged({ tried, lastAnswerAt, keptUntil, endedAt }: Found, patchedAt: number) {
  const failed = tried.filter(([, stood]) => !stood);
  const afterwards = tried.filter(([at]) => at >= (failed[0]?.[0] ?? Number.POSITIVE_INFINITY));
  return {
    failedBefore: failed.filter(([at]) => at < patchedAt).length,
    /** The first new connection that did not come to stand; null where all did. */
    firstDropMs: failed[0] === undefined ? null : failed[0][0] - patchedAt,
    /** The last one that did: from then on nothing came through. */
    lastPassMs: Math.max(...tried.filter(([, stood]) => stood).map(([at]) => at)) - patchedAt,
    stoodAfterFirstDrop: afterwards.filter(([, stood]) => stood).length,
    triedAfterFirstDrop: afterwards.length,
    /** The connection that stood before: whether it still brought answers at the end. */
    establishedLives: keptUntil === null && lastAnswerAt !== null && endedAt - lastAnswerAt < 1_500,
    establishedForMs: (lastAnswerAt ?? patchedAt) - patchedAt,
  };
}
