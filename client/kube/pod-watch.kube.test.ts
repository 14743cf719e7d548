import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { systemTimers } from '../../base/system-timers.ts';
import { MovedTimers } from '../../base/testing/moved-timers.ts';
import type { Timers } from '../../base/time.ts';
import { ControlPlane } from '../../tools/testing/kube/control-plane.ts';
import { containerId } from '../../tools/testing/kube/hostile-api-server.ts';
import { Kubectl } from '../../tools/testing/kube/kubectl.ts';
import { reviewToken } from '../hub/token-review.ts';
import { kubeConfig } from './kube-config.ts';
import { PodWatch } from './pod-watch.ts';
import { podOf } from './testing/watch-pods.ts';

/** Moves pauses alone, those between attempts and those between looks: what waits for an answer waits as long as it really takes. */
function pausesMoved(moved: MovedTimers): Pick<Timers, 'after' | 'cancel'> {
  const deadlinesMs = [2_000, 15_000];
  const isPause = (delayMs: number) => delayMs < 20_000 && !deadlinesMs.includes(delayMs);
  return {
    after: (delayMs, ...rest) => (isPause(delayMs) ? moved : systemTimers).after(delayMs, ...rest),
    cancel(timer) {
      moved.cancel(timer);
      systemTimers.cancel(timer);
    },
  };
}

/** A plane of its own: its API server is killed. Nothing runs the pods: they are bound to a node, and their status is written. */
describe('a watch of pods on a real API server', () => {
  let plane: ControlPlane;
  let kubectl: Kubectl;
  let folder: string;
  let pods: PodWatch;
  const ended: (string | undefined)[] = [];
  let known = 0;
  const tokenFile = () => join(folder, 'token');
  /** Where the API server is, and as whom it is asked. */
  const reach = () => ({
    apiServer: new URL(plane.address.url).host,
    tokenFile: tokenFile(),
    authorityFile: join(plane.address.folder, 'pki', 'ca.crt'),
  });
  const until = async (holds: () => boolean) => {
    while (!holds()) await new Promise((resolve) => setTimeout(resolve, 10));
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'testudo-pods-'));
    plane = await ControlPlane.start({ programs: inject('controlPlane').programs, parts: [] });
    kubectl = new Kubectl(plane.address);
    await kubectl.run(['create', 'serviceaccount', 'default']); // Nobody else makes it.
    await kubectl.run(['create', 'serviceaccount', 'client']);
    await kubectl.run(['create', 'clusterrole', 'client', '--verb=list,watch', '--resource=pods']);
    const reviews = '--resource=tokenreviews.authentication.k8s.io';
    await kubectl.run(['create', 'clusterrole', 'reviewer', '--verb=create', reviews]);
    for (const role of ['client', 'reviewer']) {
      const binding = [`--clusterrole=${role}`, '--serviceaccount=default:client'];
      await kubectl.run(['create', 'clusterrolebinding', role, ...binding]);
    }
    await writeFile(tokenFile(), await newToken('first'));
    await makePod('a', 1);
    pods = new PodWatch(kubeConfig.parse(reach()), {
      timers: systemTimers,
      unit: () => 0.02, // Pauses of at most 0.6 s: the server is away for seconds here.
      onEnded: (fault) => ended.push(fault?.code),
      onCounts: (counts) => {
        known = counts.known;
      },
    });
    await pods.synced;
  });
  afterAll(async () => {
    await pods?.close();
    await plane?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const newToken = async (secret: string) => {
    await kubectl.run(['create', 'secret', 'generic', secret]);
    return await kubectl.run([
      'create',
      'token',
      'client',
      '--bound-object-kind=Secret',
      `--bound-object-name=${secret}`,
    ]);
  };
  const makePod = async (name: string, container: number) => {
    const spec = { nodeName: 'node-1', containers: [{ name: 'c', image: 'web:1' }] };
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name, labels: { app: 'web' } }, spec };
    await kubectl.run(['create', '-f', '-'], JSON.stringify(pod));
    const statuses = [
      {
        name: 'c',
        image: 'web:1',
        imageID: '',
        ready: true,
        restartCount: 0,
        containerID: `containerd://${containerId(container)}`,
      },
    ];
    const status = JSON.stringify({ status: { containerStatuses: statuses } });
    await kubectl.run(['patch', 'pod', name, '--subresource=status', '--type=merge', '-p', status]);
  };
  const deletePod = (name: string) => kubectl.run(['delete', 'pod', name, '--grace-period=0', '--force']);

  it('hears of pods, of their end, and of a label that changes', async () => {
    expect(podOf(pods, containerId(1))).toBe('a');
    await makePod('b', 2);
    await until(() => podOf(pods, containerId(2)) === 'b');
    await kubectl.run(['label', 'pod', 'b', 'app=elsewhere', '--overwrite']);
    await makePod('c', 3);
    await until(() => known === 3);
    await deletePod('c');
    await until(() => known === 2);
    expect(podOf(pods, containerId(2))).toBe('b');
    expect(ended).toEqual([]);
  });

  it('goes on where it was after the API server was killed and came back', async () => {
    await plane.killApiServer();
    await until(() => ended.includes('KUBE_UNREACHABLE'));
    expect(podOf(pods, containerId(1))).toBe('a'); // What it knows stays.
    await plane.startApiServer();
    await deletePod('b');
    await makePod('d', 4);
    await until(() => podOf(pods, containerId(4)) === 'd' && known === 2);
  });

  it('goes through two minutes without an API server: names what it knows, asks seldom, and misses nothing', async () => {
    // The two minutes are those of the watch's own clock: each of its pauses is over at once, each attempt and each look is a real one.
    const moved = new MovedTimers();
    const timers = { ...moved, ...pausesMoved(moved) };
    const failed: (string | undefined)[] = [];
    let counted = 0;
    const lasting = new PodWatch(kubeConfig.parse(reach()), {
      timers,
      unit: () => 0.499, // A pause of half of half a minute would be as long as what waits for an answer.
      onEnded: (fault) => failed.push(fault?.code),
      onCounts: (counts) => {
        counted = counts.known;
      },
    });
    await lasting.synced;
    await makePod('sensor', 20);
    const audience = 'testudo-hub';
    /** What the hub does with the token that a kubelet projected into this pod. */
    const admitted = async (pod: string, token?: string) => {
      const bound = ['--bound-object-kind=Pod', `--bound-object-name=${pod}`];
      const own =
        token ?? (await kubectl.run(['create', 'token', 'default', `--audience=${audience}`, ...bound])).trim();
      const by = { kind: 'tokenReview', audience, serviceAccount: 'default/default', ...reach() } as const;
      return { own, verdict: await reviewToken(by, own) };
    };
    const { own, verdict } = await admitted('sensor');
    expect(verdict).toEqual({ ok: true, value: { kind: 'sensor', name: 'node-1' } });
    await until(() => podOf(lasting, containerId(20)) === 'sensor');
    const before = counted;

    await plane.killApiServer();
    await until(() => failed.length > 0); // While the server ends the first pause may be over, too.
    const awayAt = moved.monotonicMs();
    while (moved.monotonicMs() - awayAt < 120_000) {
      const tries = failed.length;
      // A pause between attempts, and those between looks in it: nothing else waits while the server is away.
      await until(() => {
        moved.next();
        return failed.length > tries;
      });
    }
    // Pauses double from a quarter of a second to half a minute's half: not a storm, and not forgetfulness.
    expect(failed.length).toBeGreaterThan(8);
    expect(failed.length).toBeLessThan(20);
    expect(new Set(failed)).toEqual(new Set(['KUBE_UNREACHABLE']));
    expect(podOf(lasting, containerId(20))).toBe('sensor');
    // A sensor that comes now is not admitted, and not refused for good either: the hub could not ask.
    const refused = { ok: false, fault: { code: 'REVIEW_FAILED' } };
    expect((await admitted('sensor', own)).verdict).toMatchObject(refused);

    await plane.startApiServer();
    await deletePod('sensor');
    await makePod('later', 21);
    const isBack = () => podOf(lasting, containerId(21)) === 'later' && counted === before;
    while (!isBack()) {
      const tries = failed.length;
      moved.next(); // The pause that it was in, or one between looks. An attempt that succeeds is told of by what it brings.
      await until(() => isBack() || failed.length > tries);
    }
    expect((await admitted('later')).verdict).toEqual({ ok: true, value: { kind: 'sensor', name: 'node-1' } });
    await lasting.close();
    await deletePod('later');
    await until(() => known === before - 1);
  });

  it('lists again where the server has forgotten its version, and misses nothing', async () => {
    await plane.killApiServer();
    await plane.startApiServer();
    // Behind its back: it is deaf while the server that forgets is away.
    const deaf = new PodWatch(kubeConfig.parse(reach()), {
      timers: systemTimers,
      unit: () => 0.02,
      onEnded: (fault) => ended.push(fault?.code),
      onCounts: () => undefined,
    });
    await deaf.synced;
    for (let at = 0; at < 5; at += 1) await kubectl.run(['create', 'configmap', `noise-${at}`]);
    await plane.killApiServer();
    await plane.forgetHistory();
    await plane.startApiServer();
    await makePod('e', 5);
    await until(() => podOf(pods, containerId(5)) === 'e' && podOf(deaf, containerId(5)) === 'e');
    expect(ended).toContain('KUBE_GONE');
    await deaf.close();
    const { items } = await kubectl.json<{ items: unknown[] }>(['get', 'pods']);
    await until(() => known === items.length);
  });

  it('takes a new token when the old one ends', async () => {
    const first = (await readFile(tokenFile(), 'utf8')).trim();
    await writeFile(tokenFile(), await newToken('second'));
    await kubectl.run(['delete', 'secret', 'first']);
    await plane.killApiServer(); // The old connection with it: what comes now is asked anew, and remembered by nobody.
    await plane.startApiServer();
    await makePod('f', 6);
    await until(() => podOf(pods, containerId(6)) === 'f');
    const old = [
      '--kubeconfig=/dev/null',
      '--server',
      plane.address.url,
      '--insecure-skip-tls-verify',
      '--token',
      first,
    ];
    expect((await kubectl.try('kubectl', [...old, 'get', 'pods'])).error).toContain('Unauthorized');
    ended.length = 0;
    await writeFile(tokenFile(), 'spoilt');
    await plane.killApiServer();
    await plane.startApiServer();
    await until(() => ended.includes('KUBE_FORBIDDEN'));
    await writeFile(tokenFile(), await newToken('third'));
    await makePod('g', 7);
    await until(() => podOf(pods, containerId(7)) === 'g');
  });
});
