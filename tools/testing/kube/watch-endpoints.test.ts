import { expect, it, onTestFinished } from 'vitest';
import { event, isWatch, startHostileServer } from './hostile-api-server.ts';
import { EndpointWatch } from './watch-endpoints.ts';

const slice = (name: string, ready: number) => ({
  metadata: { uid: name, name, resourceVersion: '1', labels: { 'kubernetes.io/service-name': 'web' } },
  endpoints: Array.from({ length: ready }, () => ({ conditions: { ready: true } })),
});
const list = (...items: ReturnType<typeof slice>[]) => JSON.stringify({ metadata: { resourceVersion: '1' }, items });

it('a slice that is gone from the list after a gap counts no more, though nobody told of its end', async () => {
  let lists = 0;
  const server = await startHostileServer((request, response) => {
    if (!isWatch(request.url)) {
      lists += 1;
      return void response.end(lists === 1 ? list(slice('a', 2), slice('b', 1)) : list(slice('a', 2)));
    }
    if (lists > 1) return void response.writeHead(200).flushHeaders();
    // What happened meanwhile is forgotten.
    response.end(event('ERROR', { kind: 'Status', code: 410, reason: 'Expired' }));
  });
  const watch = new EndpointWatch(server.config as never, 'shop');
  onTestFinished(() => watch.close());
  await watch.synced;
  watch.hold('web', 3);
  await expect.poll(() => lists).toBe(2);
  await expect.poll(() => watch.ready('web')).toBe(2);
  expect(watch.least('web')).toBe(2);
}, 60_000);
