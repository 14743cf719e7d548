import { type Fault, refuse } from '../../../base/fault.ts';
import { faultOfError } from '../../../proto/call.ts';
import type { FederationClient, WatchResponse } from '../../../proto/generated/testudo/v1/federation.ts';
import type { WatchOptions } from '../round-calls.ts';

/** See RoundCalls. */
export function watch(client: FederationClient, options: WatchOptions): Promise<Fault> {
  return new Promise((resolve) => {
    const call = client.watch({ tracks: [...options.tracks], clientBuild: options.clientBuild });
    let fault: Fault | undefined;
    const endWith = (reason: Fault) => {
      fault ??= reason;
      call.cancel();
    };
    const { timers, silenceMsMax } = options;
    const listen = () =>
      timers.after(silenceMsMax, () =>
        endWith(refuse('WATCH_SILENT', `nothing was heard for ${silenceMsMax} ms`).fault),
      );
    let silence = listen();
    const abort = () => endWith(refuse('STOPPED', 'this client is stopping').fault);
    options.signal.addEventListener('abort', abort, { once: true });
    if (options.signal.aborted) abort();
    const finish = (reason: Fault) => {
      timers.cancel(silence);
      options.signal.removeEventListener('abort', abort);
      resolve(fault ?? reason);
    };
    call.on('data', ({ directive }: WatchResponse) => {
      timers.cancel(silence);
      silence = listen();
      if (directive !== undefined && fault === undefined) options.onDirective(directive);
    });
    call.on('error', (error) => finish(faultOfError(error)));
    call.on('end', () => finish(refuse('WATCH_ENDED', 'the coordinator ended the stream').fault));
  });
}
