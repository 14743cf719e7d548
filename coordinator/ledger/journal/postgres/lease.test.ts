import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, it } from 'vitest';
import { ok } from '../../../../base/fault.ts';
import { systemTimers } from '../../../../base/system-timers.ts';
import { PostgresLink } from '../../../postgres/link.ts';
import { followUntilFree } from './lease.ts';

it('a standby that is told to stop while its database is away does not wait for it', async () => {
  const gone = createServer().listen(0, '127.0.0.1');
  await once(gone, 'listening');
  const { port } = gone.address() as AddressInfo;
  await new Promise((closed) => gone.close(closed));
  const settings = {
    ...{ hosts: [{ host: '127.0.0.1', port }], database: 'testudo', user: 'testudo', password: '', schema: 'testudo' },
    ...{ isReplicated: false, outageMs: 3_600_000, leaseMs: 4_000 },
  };
  const stopping = new AbortController();
  const following = followUntilFree(new PostgresLink(settings, systemTimers), stopping.signal, {
    tell: () => {},
    take: () => ok(undefined),
  });
  stopping.abort();
  expect(await following).toMatchObject({ fault: { code: 'STANDBY_STOPPED' } });
});
