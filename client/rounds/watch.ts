import { type Fault, refuse } from '../../base/fault.ts';
import { faultOfError } from '../../proto/call.ts';
import type { FederationClient, WatchResponse } from '../../proto/generated/testudo/v1/federation.ts';
import type { TrackId } from '../../proto/ids.ts';

export type WatchOptions = Readonly<{
  tracks: readonly TrackId[];
  clientBuild: string;
  /** Heartbeats come at least every 30 s: a stream that is silent for longer than this is dead, whatever TCP believes. */
  silenceMsMax: number;
  signal: AbortSignal;
  onDirective: (directive: NonNullable<WatchResponse['directive']>) => void;
}>;

/** Follows the coordinator's directives until the stream fails, ends or falls silent, and says why. Never throws. */
export function watch(client: FederationClient, options: WatchOptions): Promise<Fault> {
  return new Promise((resolve) => {
    const call = client.watch({ tracks: [...options.tracks], clientBuild: options.clientBuild });
    let fault: Fault | undefined;
    const endWith = (reason: Fault) => {
      fault ??= reason;
      call.cancel();
    };
    const silence = setTimeout(() => {
      endWith(refuse('WATCH_SILENT', `nothing was heard for ${options.silenceMsMax} ms`).fault);
    }, options.silenceMsMax);
    const abort = () => endWith(refuse('STOPPED', 'this client is stopping').fault);
    options.signal.addEventListener('abort', abort, { once: true });
    if (options.signal.aborted) abort();
    const finish = (reason: Fault) => {
      clearTimeout(silence);
      options.signal.removeEventListener('abort', abort);
      resolve(fault ?? reason);
    };
    call.on('data', ({ directive }: WatchResponse) => {
      silence.refresh();
      if (directive !== undefined && fault === undefined) options.onDirective(directive);
    });
    call.on('error', (error) => finish(faultOfError(error)));
    call.on('end', () => finish(refuse('WATCH_ENDED', 'the coordinator ended the stream').fault));
  });
}
