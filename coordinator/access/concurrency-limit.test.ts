import { expect, it } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { ConcurrencyLimit } from './concurrency-limit.ts';

it('puts nobody in line who has hung up already', async () => {
  const limit = new ConcurrencyLimit('FETCHES_BUSY', { atOnceMax: 1, perPeerMax: 1, waitingMax: 1 });
  const stays = new AbortController().signal;
  const leave = unwrap(await limit.enter('first', stays));
  expect(await limit.enter('gone', AbortSignal.abort())).toMatchObject({ fault: { code: 'CALL_CANCELLED' } });
  const next = limit.enter('next', stays); // The one place in line is free.
  expect(await limit.enter('last', stays)).toMatchObject({ fault: { code: 'FETCHES_BUSY' } });
  leave();
  unwrap(await next)();
  // Nothing counts against who hung up.
  unwrap(await limit.enter('gone', stays))();
});
