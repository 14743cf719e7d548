/** Whether a watch loses anything, whatever it is cut by: by a relay that hangs up, and by a real API server that dies and forgets. */
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemTimers } from '../../base/system-timers.ts';
import { KubeEndpoint } from '../../client/kube/endpoint.ts';
import { sendTo } from '../../client/response/cluster/send.ts';
import { ensureControlPlane } from '../../tools/testing/kube/build.mjs';
import { ControlPlane } from '../../tools/testing/kube/control-plane.ts';
import { until } from '../../tools/testing/kube/kills/killing.ts';
import { WatchedPods } from '../../tools/testing/kube/kills/watched-pods.ts';
import { Kubectl } from '../../tools/testing/kube/kubectl.ts';
import { median } from '../harness/measure.ts';
import type { Report } from '../harness/report.ts';

/** `cuts` of the connection; `kills` of the API server, each of which comes back with its history forgotten and finds another token. */
export type Watched = Readonly<{ cuts: number; kills: number }>;

export async function watching({ cuts, kills }: Watched, report: Report): Promise<void> {
  const plane = await ControlPlane.start({ programs: await ensureControlPlane(), parts: [] });
  const folder = await mkdtemp(join(tmpdir(), 'testudo-watching-'));
  const apiServer = new URL(plane.address.url);
  const relay = await startRelay(Number(apiServer.port));
  try {
    const kubectl = new Kubectl(plane.address);
    await kubectl.run(['create', 'serviceaccount', 'default']); // Nobody else makes it.
    await kubectl.run(['create', 'clusterrole', 'writer', '--verb=list,watch,create,patch', '--resource=pods']);
    await kubectl.run([
      'create',
      'clusterrolebinding',
      'writer',
      '--clusterrole=writer',
      '--serviceaccount=default:default',
    ]);
    const tokenFile = join(folder, 'token');
    const renewToken = async () =>
      writeFile(tokenFile, await kubectl.run(['create', 'token', 'default', '--duration=24h']));
    await renewToken();
    const access = { tokenFile, authorityFile: join(plane.address.folder, 'pki', 'ca.crt') };
    const endpoint = new KubeEndpoint({ ...access, apiServer: apiServer.host });
    const send = sendTo(endpoint, systemTimers, new AbortController().signal);
    const throughRelay = { ...access, apiServer: `127.0.0.1:${relay.port}` };
    const pods = new WatchedPods(throughRelay, 'default', () => undefined, Math.random);
    await pods.synced;
    let made = 0;
    const makePod = async () => {
      made += 1;
      const body = {
        ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name: `p${made}`, labels: { turn: String(made % 20) } } },
        spec: { nodeName: 'node-1', containers: [{ name: 'c', image: 'web:1' }] },
      };
      const sent = await send({ method: 'POST', path: '/api/v1/namespaces/default/pods', body });
      if (!sent.ok || sent.value.status !== 201) throw new Error(`p${made} was not made: ${JSON.stringify(sent)}`);
    };
    const deleteSome = (turn: number) =>
      kubectl.run(['delete', 'pods', '-l', `turn=${turn % 20}`, '--grace-period=0', '--force', '--wait=false']);
    /** Milliseconds from the last write, or from another moment, until the watch says what a fresh list does. */
    const caughtUp = async (fromMs = performance.now()) => {
      const there = new Set<string>();
      for (let token = ''; ; ) {
        const query = new URLSearchParams({ limit: '500', ...(token === '' ? {} : { continue: token }) });
        const got = await send({ method: 'GET', path: `/api/v1/namespaces/default/pods?${query}` });
        if (!got.ok || got.value.status !== 200) throw new Error(`no list: ${JSON.stringify(got).slice(0, 300)}`);
        const page = JSON.parse(got.value.text) as List;
        for (const { metadata } of page.items) there.add(metadata.uid);
        token = page.metadata.continue ?? '';
        if (token === '') break;
      }
      const same = () => pods.now.size === there.size && [...there].every((uid) => pods.now.has(uid));
      await until('a watch that says what a list says', same);
      return performance.now() - fromMs;
    };
    const behindMs: number[] = [];
    for (let at = 1; relay.count() < cuts; at += 1) {
      await relay.connected();
      const { size } = pods.seen;
      await makePod();
      // Each tenth is cut before anybody can have heard of the pod.
      if (at % 10 !== 0) await until('a pod that was heard of', () => pods.seen.size > size);
      relay.cut();
      if (at % 50 !== 0) continue;
      await deleteSome(at / 50);
      behindMs.push(await caughtUp());
    }
    const afterReady: number[] = [];
    const afterKills: number[] = [];
    for (let at = 1; at <= kills; at += 1) {
      // Nobody can have heard of what is written from here on: the server dies and forgets first.
      relay.hold();
      await makePod();
      await deleteSome(at);
      await renewToken();
      await plane.killApiServer();
      await plane.forgetHistory();
      relay.letIn();
      await plane.startApiServer();
      afterReady.push(await caughtUp(performance.now()));
      await makePod();
      await deleteSome(at + 1);
      afterKills.push(await caughtUp());
    }
    await pods.close();
    endpoint.close();
    const worst = (values: readonly number[]) => Math.max(0, ...values);
    const compared = behindMs.length + afterReady.length + afterKills.length;
    const seconds = (ms: number) => (ms / 1_000).toFixed(2);
    report.record({
      ...{ case: 'watching', cuts: relay.count(), kills, made, compared, lost: 0 },
      ...{ behindMs: worst(behindMs), afterKillMs: worst(afterKills), afterReadyMs: worst(afterReady), afterReady },
    });
    report.text(
      `## Watches that are cut\n\nA watch of pods through a relay that hung up ${relay.count()} times while ${made} pods were made and deleted, and ${kills} API servers that were killed under it, each of which came back with its history ` +
        `forgotten (410) and found a new token in the file. Compared with a fresh list ${compared} times: the same pods each time, ${seconds(worst(behindMs))} s after the last write at worst, the list itself included. ` +
        `What was written while the watch was deaf and the server about to die was known ${seconds(worst(afterReady))} s at worst, ${seconds(median(afterReady))} s at the median, after the next server had said at /readyz that it was ready ` +
        `(list, watch, and their pauses included), and what was written then within ${seconds(worst(afterKills))} s.`,
    );
  } finally {
    relay.close();
    await plane.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

type List = Readonly<{ metadata: { continue?: string }; items: readonly { metadata: { uid: string } }[] }>;

/** Passes bytes on between here and a port, until it is told to hang up. */
async function startRelay(port: number) {
  const open = new Set<Socket>();
  let count = 0;
  let onConnected: () => void = () => undefined;
  let isHeld = false;
  const server = createServer((socket) => {
    if (isHeld) return void socket.destroy();
    const further = connect(port, '127.0.0.1');
    open.add(socket);
    onConnected();
    for (const [one, other] of [
      [socket, further],
      [further, socket],
    ] as const) {
      one.pipe(other);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        other.destroy();
        open.delete(socket);
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    count: () => count,
    /** Resolves where somebody is connected. */
    async connected() {
      while (open.size === 0) {
        await new Promise<void>((resolve) => {
          onConnected = resolve;
        });
      }
    },
    /** Every connection that stands; counted where there is one. */
    cut() {
      if (open.size > 0) count += 1;
      for (const socket of open) socket.destroy();
    },
    /** Hangs up, and takes nobody before `letIn`. */
    hold() {
      isHeld = true;
      for (const socket of open) socket.destroy();
    },
    letIn() {
      isHeld = false;
    },
    close() {
      for (const socket of open) socket.destroy();
      server.close();
    },
  };
}
