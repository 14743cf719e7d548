import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { SimulatedTimers } from '../../base/simulation/simulated-timers.ts';
import { systemTimers } from '../../base/system-timers.ts';
import {
  type Answer,
  containerId,
  event,
  isWatch,
  listing,
  podList,
  podObject,
  startHostileServer,
} from '../../tools/testing/kube/hostile-api-server.ts';
import { hurried, podOf, watchPods } from './testing/watch-pods.ts';

/** Lets a tenth of a second pass, and then everything be answered that was asked for: what waits for nobody is due within `pauseMsMax`. */
async function step(timers: SimulatedTimers, pauseMsMax: number): Promise<void> {
  await timers.advance(100);
  while ((timers.nextInMs ?? Number.POSITIVE_INFINITY) > pauseMsMax)
    await new Promise((resolve) => setImmediate(resolve));
}

describe('a reflector', () => {
  it('lists by pages and once, watches on from there by bookmarks and versions, over one connection', async () => {
    let watches = 0;
    const server = await startHostileServer((request, response) => {
      const url = request.url ?? '';
      if (!isWatch(url)) {
        const second = url.includes('continue=more');
        return void response.end(
          second
            ? podList([{ name: 'b', id: containerId(2) }], '10')
            : podList([{ name: 'a', id: containerId(1) }], '10', 'more'),
        );
      }
      watches += 1;
      if (watches > 20) return void response.writeHead(200).flushHeaders();
      response.end(event('BOOKMARK', { kind: 'Pod', metadata: { resourceVersion: String(10 + watches) } }));
    });
    const { pods, ended, until } = watchPods(server.config);
    await until(() => ended.length >= 20);
    expect([podOf(pods, containerId(1)), podOf(pods, containerId(2))]).toEqual(['a', 'b']);
    const lists = server.requests.filter(({ path }) => !path.searchParams.has('watch'));
    expect(lists.map(({ path }) => path.searchParams.get('limit'))).toEqual(['500', '500']);
    const versions = server.requests
      .filter(({ path }) => path.searchParams.has('watch'))
      .map(({ path }) => path.searchParams.get('resourceVersion'));
    expect(versions.slice(0, 4)).toEqual(['10', '11', '12', '13']);
    for (const { path } of server.requests.slice(2)) {
      expect(path.searchParams.get('allowWatchBookmarks')).toBe('true');
      expect(path.searchParams.get('timeoutSeconds')).toBe('450');
    }
    expect(server.connections()).toBeLessThanOrEqual(2); // No handshake for each request.
  });

  it.each<[string, Answer, string]>([
    ['a connection that is cut', (_, response) => response.socket?.destroy(), 'KUBE_UNREACHABLE'],
    [
      '401',
      (_, response) => response.writeHead(401).end('{"kind":"Status","status":"Failure","code":401}'),
      'KUBE_FORBIDDEN',
    ],
    ['403', (_, response) => response.writeHead(403).end('{}'), 'KUBE_FORBIDDEN'],
    ['429', (_, response) => response.writeHead(429).end('slow down'), 'KUBE_BUSY'],
    ['500', (_, response) => response.writeHead(500).end(), 'KUBE_REFUSED'],
    [
      '200 with a failure in it',
      (_, response) => response.end('{"kind":"Status","status":"Failure","code":500}'),
      'KUBE_REFUSED',
    ],
    [
      'half a body',
      (_, response) => {
        response.writeHead(200, { 'content-length': 1_000 });
        response.write('{"kind":"PodList","items":[');
        response.socket?.end();
      },
      'KUBE_UNREACHABLE',
    ],
    ['something that is no JSON', (_, response) => response.end('<html>proxy</html>'), 'KUBE_ANSWER_INVALID'],
    ['JSON of another kind', (_, response) => response.end('{"items":3}'), 'KUBE_ANSWER_INVALID'],
  ])('goes on after a list met %s', async (_what, answer, code) => {
    const server = await startHostileServer(answer);
    const { pods, ended, until } = watchPods(server.config);
    await until(() => ended.length >= 3);
    expect(new Set(ended)).toEqual(new Set([code]));
    server.answer(listing(podList([{ name: 'a', id: containerId(1) }], '1')));
    await pods.synced;
    expect(podOf(pods, containerId(1))).toBe('a');
  });

  it.each<[string, (response: Parameters<Answer>[1]) => void, string | undefined]>([
    ['its own timeout', (response) => response.end(), undefined],
    [
      'a cut in the middle of a line',
      (response) => {
        response.write('{"type":"ADD');
        response.socket?.destroy();
      },
      'KUBE_UNREACHABLE',
    ],
    ['a line that is no event', (response) => response.end('nonsense\n'), 'KUBE_ANSWER_INVALID'],
    [
      'an error of the server',
      (response) => response.end(event('ERROR', { kind: 'Status', status: 'Failure', code: 500 })),
      'KUBE_REFUSED',
    ],
    ['a line without an end', (response) => response.end('x'.repeat(5 << 20)), 'KUBE_UNREACHABLE'],
  ])('goes on from where it was after a watch ended with %s, without a list', async (_what, end, code) => {
    let watches = 0;
    const server = await startHostileServer((request, response) => {
      if (!isWatch(request.url)) return void response.end(podList([], '5'));
      watches += 1;
      response.writeHead(200);
      if (watches === 1) return end(response);
      response.write(event('ADDED', podObject({ name: 'a', id: containerId(1), version: '6' })));
    });
    const { pods, ended, counts, until } = watchPods(server.config);
    await until(() => counts.known === 1);
    expect(podOf(pods, containerId(1))).toBe('a');
    expect(ended).toEqual([code]);
    expect(server.requests.map(({ path }) => path.searchParams.get('resourceVersion'))).toEqual([null, '5', '5']);
  });

  it('lists again when its version is gone, and forgets what is not in the list', async () => {
    let lists = 0;
    const server = await startHostileServer((request, response) => {
      if (isWatch(request.url)) {
        response.writeHead(200);
        if (lists === 1)
          response.end(event('ERROR', { kind: 'Status', status: 'Failure', code: 410, reason: 'Expired' }));
        else response.flushHeaders();
        return;
      }
      lists += 1;
      response.end(
        lists === 1
          ? podList(
              [
                { name: 'a', id: containerId(1) },
                { name: 'b', id: containerId(2) },
              ],
              '5',
            )
          : podList([{ name: 'b', id: containerId(2) }], '900'),
      );
    });
    const { pods, ended, counts, until } = watchPods(server.config);
    await until(() => lists === 2 && counts.known === 1);
    expect(ended).toEqual(['KUBE_GONE']);
    expect(podOf(pods, containerId(2))).toBe('b');
  });

  it('lists again at once where one version was gone, and waits for a server that says so of each', async () => {
    const timers = new SimulatedTimers();
    const isGone = event('ERROR', { kind: 'Status', status: 'Failure', code: 410, reason: 'Expired' });
    const server = await startHostileServer((request, response) => {
      response.end(isWatch(request.url) ? isGone : podList([], '5'));
    });
    const { ended, until } = watchPods(server.config, timers as never);
    await until(() => ended.length === 2); // Without a pause: no time has passed.
    while (ended.length < 7) await step(timers, 10_000);
    expect(new Set(ended)).toEqual(new Set(['KUBE_GONE']));
    expect(timers.monotonicMs()).toBeGreaterThanOrEqual(7_750); // Pauses of 0.25 s, 0.5 s and so on, up to 4 s.
  });

  it('hears of a server that is back within a second, however long its pauses have grown', async () => {
    const timers = new SimulatedTimers();
    const server = await startHostileServer((_, response) => response.socket?.destroy());
    const { pods, ended } = watchPods(server.config, timers as never);
    while (ended.length < 7) await step(timers, 1_000);
    const asked = server.requests.filter(({ path }) => path.pathname !== '/readyz').length;
    expect(asked).toBe(7);
    server.answer(listing(podList([{ name: 'a', id: containerId(1) }], '1')));
    await timers.advance(1_000); // Of a pause of fifteen.
    await pods.synced;
    expect(podOf(pods, containerId(1))).toBe('a');
    expect(new Set(ended)).toEqual(new Set(['KUBE_UNREACHABLE']));
  });

  it('takes 90 seconds of silence for death, and hears again', async () => {
    let watches = 0;
    const server = await startHostileServer((request, response) => {
      if (!isWatch(request.url)) return void response.end(podList([], '5'));
      watches += 1;
      response.writeHead(200).flushHeaders();
      if (watches === 2) response.write(event('ADDED', podObject({ name: 'a', id: containerId(1), version: '6' })));
    });
    const time = hurried();
    const { ended, counts, until } = watchPods(server.config, time.timers as never);
    while (time.waits() === 0) await new Promise((resolve) => setImmediate(resolve));
    time.silence();
    await until(() => counts.known === 1);
    expect(ended).toEqual(['KUBE_UNREACHABLE']);
  });

  it('reads the token anew for each request, also when it cannot be read for a while', async () => {
    const server = await startHostileServer((request, response) => {
      if (request.headers.authorization !== 'Bearer second') return void response.writeHead(401).end('{}');
      listing(podList([], '1'))(request, response);
    });
    const { pods, ended, until } = watchPods({ ...server.config, tokenFile: `${server.tokenFile}.late` });
    await until(() => ended.length >= 2);
    writeFileSync(`${server.tokenFile}.late`, 'first');
    await until(() => ended.includes('KUBE_FORBIDDEN'));
    writeFileSync(`${server.tokenFile}.late`, 'second\n');
    await pods.synced;
    expect(ended[0]).toBe('KUBE_CREDENTIALS_UNREADABLE');
  });

  it('takes what is no token for none, and goes on once there is one', async () => {
    const server = await startHostileServer(listing(podList([{ name: 'a', id: containerId(1) }], '1')));
    for (const text of ['', ' \n', 'two\nlines', 'n\u00fcll', 'a\0b']) {
      writeFileSync(`${server.tokenFile}.torn`, text);
      const { pods, ended, until } = watchPods({ ...server.config, tokenFile: `${server.tokenFile}.torn` });
      await until(() => ended.length >= 2);
      expect(new Set(ended)).toEqual(new Set(['KUBE_CREDENTIALS_UNREADABLE']));
      writeFileSync(`${server.tokenFile}.torn`, 'whole\n');
      await pods.synced;
      expect(podOf(pods, containerId(1))).toBe('a');
    }
  });

  it('waits no longer for the rest of a refusal than for any answer', async () => {
    let watches = 0;
    const server = await startHostileServer((request, response) => {
      if (!isWatch(request.url)) return void response.end(podList([], '5'));
      watches += 1;
      if (watches > 1) return void response.writeHead(200).flushHeaders();
      response.writeHead(503).write('{"kind":"Sta'); // And nothing more.
    });
    /** Deadlines of requests, which pass when the test says so. */
    const deadlines = new Map<object, () => void>();
    const timers = {
      ...systemTimers,
      after(delayMs: number, act: () => void, options?: Parameters<typeof systemTimers.after>[2]) {
        if (delayMs !== 15_000) return systemTimers.after(delayMs > 15_000 ? delayMs : 0, act, options);
        const timer = systemTimers.after(1e9, () => undefined, { background: true });
        deadlines.set(timer, act);
        return timer;
      },
      cancel(timer: Parameters<typeof systemTimers.cancel>[0]) {
        if (timer !== undefined) deadlines.delete(timer);
        systemTimers.cancel(timer);
      },
    };
    const { ended, until } = watchPods(server.config, timers as never);
    while (watches === 0) await new Promise((resolve) => setImmediate(resolve));
    // Its head is on the way: whoever has it reads on, with a deadline or without.
    for (let turn = 0; turn < 200; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    for (const pass of [...deadlines.values()]) pass();
    await until(() => ended.length > 0);
    expect(ended).toEqual(['KUBE_BUSY']);
  });

  it('asks nothing any more once it is closed, also when that was during the list', async () => {
    const server = await startHostileServer(() => undefined); // Never answers.
    const { pods, ended } = watchPods(server.config);
    while (server.requests.length === 0) await new Promise((resolve) => setImmediate(resolve));
    await pods.close();
    await pods.close();
    server.cut();
    expect(server.requests).toHaveLength(1);
    expect(ended).toEqual([]);
  });

  it('asks for the pods of one node alone where it is told to', async () => {
    const server = await startHostileServer(listing(podList([], '1')));
    const { pods } = watchPods({ ...server.config, node: 'node-7' });
    await pods.synced;
    expect(server.requests[0]?.path.searchParams.get('fieldSelector')).toBe('spec.nodeName=node-7');
  });
});
