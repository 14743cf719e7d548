import type { ConnectToReleases } from '../../client/releases/release-calls.ts';
import type { FileFetches } from '../../coordinator/grpc/federation/file-fetches.ts';
import type { ReleaseStreams } from '../../coordinator/grpc/releases/release-streams.ts';
import type { Registry } from '../../coordinator/registry/registry.ts';
import type { SubscribeResponse } from '../../proto/generated/testudo/v1/releases.ts';
import { cutBy, stopped } from './cut.ts';
import { piecesOf } from './pieces.ts';

export type ReleasesInProcess = Readonly<{
  streams: ReleaseStreams;
  reports: Pick<Registry['reports'], 'acknowledge' | 'reportShadow'>;
  fetches: FileFetches;
}>;

/** Releases by calls within one process. */
export function releasesInProcess({ streams, reports, fetches }: ReleasesInProcess): ConnectToReleases {
  return (_address, { cluster }) => {
    const closing = new AbortController();
    return {
      async subscribe({ tracks, rootVersion }, { signal, onMessage }) {
        const cut = cutBy(signal, closing.signal);
        const send = async ({ labels, ...received }: SubscribeResponse) => {
          if (cut.aborted) return false;
          onMessage({ received, labels: Object.fromEntries(labels.map(({ key, value }) => [key, value])) });
          return !cut.aborted;
        };
        const served = await streams.serve(cluster, { tracks: [...tracks], rootVersion }, send, cut);
        return served.ok ? stopped : served.fault;
      },
      fetch: (request) => piecesOf(fetches, cluster, request, closing.signal),
      acknowledge: (report, signature) => reports.acknowledge(report, signature),
      reportShadow: (report, signature) => reports.reportShadow(report, signature),
      close: () => closing.abort(),
    };
  };
}
