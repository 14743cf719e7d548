import { ok, refuse } from '../../base/fault.ts';
import type { ConnectToRounds, WatchOptions } from '../../client/rounds/round-calls.ts';
import type { FileFetches } from '../../coordinator/grpc/federation/file-fetches.ts';
import type { Watchers } from '../../coordinator/grpc/federation/watch.ts';
import type { UpdateIntake } from '../../coordinator/grpc/updates/update-intake.ts';
import { cutBy, stopped } from './cut.ts';
import { piecesOf } from './pieces.ts';

export type RoundsInProcess = Readonly<{ intake: UpdateIntake; watchers: Watchers; fetches: FileFetches }>;

/** Rounds by calls within one process. */
export function roundsInProcess({ intake, watchers, fetches }: RoundsInProcess): ConnectToRounds {
  return (_address, { cluster }) => {
    const closing = new AbortController();
    return {
      async watch({ tracks, clientBuild, signal, onDirective }) {
        const cut = cutBy(signal, closing.signal);
        const send = async ({ directive }: { directive?: Parameters<WatchOptions['onDirective']>[0] | undefined }) => {
          if (directive !== undefined && !cut.aborted) onDirective(directive);
          return !cut.aborted;
        };
        const served = await watchers.watch(cluster, { tracks: [...tracks], clientBuild }, send, { signal: cut });
        return served.ok ? stopped : served.fault;
      },
      fetch: (request) => piecesOf(fetches, cluster, request, closing.signal),
      status: (request) => intake.status(cluster, request, { signal: closing.signal }),
      async submit(parts, { signal }) {
        const iterator = parts[Symbol.asyncIterator]();
        const next = async () => {
          const { done, value } = await iterator.next();
          return done ? ({ kind: 'end' } as const) : ({ kind: 'message', message: { part: value } } as const);
        };
        const receipt = await intake.submit(cluster, { next }, { signal: cutBy(signal, closing.signal) });
        await iterator.return?.();
        return receipt.ok ? ok({ receipt: receipt.value }) : receipt;
      },
      renew: async () => refuse('GRPC_UNAVAILABLE', 'no certificate is renewed within one process'),
      close: () => closing.abort(),
    };
  };
}
