import { describe, expect, it } from 'vitest';
import {
  containerId,
  event,
  isWatch,
  listing,
  podList,
  podObject,
  startHostileServer,
} from '../../tools/testing/kube/hostile-api-server.ts';
import { call, hurried, podOf, watchPods } from './testing/watch-pods.ts';

describe('a watch of pods', () => {
  it('completes events that do not name their pod, and leaves alone what the sensor said', async () => {
    const labels = { 'app.kubernetes.io/name': 'postgres', secret: 'kept by nobody' };
    const server = await startHostileServer(listing(podList([{ name: 'db-0', id: containerId(1), labels }], '7')));
    const { pods } = watchPods(server.config);
    await pods.synced;
    const [whole, short, other, said, none] = pods.enrich([
      call(containerId(1)),
      call(containerId(1).slice(0, 15)),
      call(`${containerId(1).slice(0, 12)}${'b'.repeat(52)}`),
      call(containerId(1), { pod: 'said', namespace: 'by', workload: 'sensor' }),
      call('', {}),
    ]);
    const completed = {
      namespace: 'shop',
      pod: 'db-0',
      workload: 'db',
      container: 'c',
      node: 'node-1',
      workloadClass: 'postgres',
    };
    expect(whole).toMatchObject({ process: completed });
    expect(short).toMatchObject({ process: completed });
    expect(other).toMatchObject({ process: { pod: '' } }); // Begins alike, and is another's.
    expect(said).toMatchObject({ process: { pod: 'said', namespace: 'by', workload: 'sensor', workloadClass: 'x' } });
    expect(none).toMatchObject({ process: { pod: '' } });
    const alert = {
      rule: 'r',
      priority: 'p',
      atMs: 0,
      namespace: '',
      pod: '',
      container: containerId(1).slice(0, 12),
      text: '',
    };
    expect(pods.enrich([{ kind: 'label', label: alert }])[0]).toMatchObject({
      label: { pod: 'db-0', namespace: 'shop' },
    });
  });

  it('keeps a pod whose labels change, follows its containers, and finds it for a minute after it is gone', async () => {
    const opened = Promise.withResolvers<(text: string) => void>();
    const server = await startHostileServer((request, response) => {
      if (!isWatch(request.url))
        return void response.end(podList([{ name: 'a', id: containerId(1), labels: { app: 'web' } }], '5'));
      response.writeHead(200).flushHeaders();
      opened.resolve((text) => response.write(text));
    });
    const { pods, counts, until } = watchPods(server.config);
    await pods.synced;
    const write = await opened.promise;
    const classOf = (id: string) => {
      const [item] = pods.enrich([call(id)]);
      return item?.kind === 'call' ? item.process.workloadClass : '';
    };
    write(
      event('MODIFIED', podObject({ name: 'a', id: containerId(3), labels: { app: 'quarantined' }, version: '6' })),
    );
    await until(() => classOf(containerId(3)) === 'quarantined');
    expect(podOf(pods, containerId(1))).toBe(''); // It restarted: the old container is nobody's.
    write(event('DELETED', podObject({ name: 'a', id: containerId(3), version: '7' })));
    await until(() => counts.known === 0);
    expect(podOf(pods, containerId(3))).toBe('a');
  });

  it('knows at most so many pods, and counts the others', async () => {
    const many = Array.from({ length: 5_200 }, (_, at) => ({ name: `p${at}`, id: containerId(at + 1) }));
    const server = await startHostileServer(listing(podList(many, '5')));
    const { pods, counts } = watchPods(server.config);
    await pods.synced;
    expect(counts).toEqual({ known: 5_000, leftOut: 200 });
    expect(podOf(pods, containerId(5_000))).toBe('p4999');
    expect(podOf(pods, containerId(5_001))).toBe('');
  });

  it('says nothing of where pods are once it has been cut off for more than a minute: one may have moved since', async () => {
    const list = listing(podList([{ name: 'db-0', id: containerId(1) }], '5'));
    const server = await startHostileServer(list);
    let laterMs = 0;
    const { timers } = hurried();
    const shifted = { ...timers, monotonicMs: () => timers.monotonicMs() + laterMs };
    const { pods, ended, until } = watchPods(server.config, shifted);
    await pods.synced;
    const nodeNow = () => pods.nodeOf('shop', 'db-0', Date.now());
    expect(nodeNow()).toBe('node-1');
    laterMs = 3_600_000; // However long nothing changes.
    expect(nodeNow()).toBe('node-1');
    server.answer((_, response) => void response.writeHead(403).end());
    server.cut();
    await until(() => ended.includes('KUBE_FORBIDDEN'));
    expect(nodeNow()).toBe('node-1');
    laterMs += 61_000;
    expect(nodeNow()).toBeUndefined();
    server.answer((_, response) => {
      response.writeHead(200);
      response.write(event('MODIFIED', podObject({ name: 'db-0', id: containerId(1), version: '6' })));
    });
    await until(() => nodeNow() === 'node-1');
  });
});
