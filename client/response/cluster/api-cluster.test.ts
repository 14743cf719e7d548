import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ok } from '../../../base/fault.ts';
import type { KubeRequest } from '../../kube/request.ts';
import { madePod } from '../testing/made-facts.ts';
import { apiCluster } from './api-cluster.ts';

const client = fileURLToPath(new URL('../../', import.meta.url));

describe('apiCluster', () => {
  it('evicts by uid, with the time that the pod has for its end, and outwaits the tries of the server', async () => {
    const asked: KubeRequest[] = [];
    const cluster = apiCluster(
      async (request) => {
        asked.push(request);
        return ok({ status: 201, retryAfterSeconds: null, text: '{"kind":"Status","status":"Success"}' });
      },
      () => true,
    );
    await cluster.evictPod(madePod('a/../../b?c=d'));
    const [{ path, body, answerMsMax }] = asked as [KubeRequest];
    expect(path).toBe('/api/v1/namespaces/shop/pods/a%2F..%2F..%2Fb%3Fc%3Dd/eviction');
    expect((body as { deleteOptions: object }).deleteOptions).toEqual({ preconditions: { uid: 'uid-a/../../b?c=d' } });
    // Twenty tries of half a second, and then 504.
    expect(answerMsMax).toBeGreaterThan(15_000);
  });

  it('is the only one that knows how a pod is evicted: Kubernetes will have another way', () => {
    const sources = readdirSync(client, { recursive: true, encoding: 'utf8' }).filter(
      (name) => name.endsWith('.ts') && !name.includes('.test.') && !/testing\/|simulation\//.test(name), // The simulated API server is asked in its words.
    );
    const knowing = sources.filter((name) => /\/eviction|'Eviction'/.test(readFileSync(join(client, name), 'utf8')));
    expect(knowing).toEqual(['response/cluster/api-cluster.ts']);
  });
});
