import type { ClientReadableStream } from '@grpc/grpc-js';
import { type Fault, refuse } from '../../../base/fault.ts';
import { faultOfError } from '../../../proto/call.ts';
import { verifyInvitation } from '../../../proto/envelope/invitation-proof.ts';
import type {
  FederationClient,
  RoundInvitation,
  WatchResponse,
} from '../../../proto/generated/testudo/v1/federation.ts';
import { namesDoor } from '../../link/channel.ts';
import type { ClusterIdentity } from '../../link/identity-store.ts';
import type { WatchOptions } from '../round-calls.ts';

/** See RoundCalls. */
export function watch(
  client: FederationClient,
  options: WatchOptions,
  identity: Pick<ClusterIdentity, 'cluster' | 'receiptKey'>,
): Promise<Fault> {
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
      if (directive === undefined || fault !== undefined) return;
      if (directive.$case === 'invitation' && !isProven(call, directive.value, identity)) {
        endWith(refuse('INVITATION_UNPROVEN', 'a door gave an invitation that its coordinator has not signed').fault);
      } else options.onDirective(directive);
    });
    call.on('error', (error) => finish(faultOfError(error)));
    call.on('end', () => finish(refuse('WATCH_ENDED', 'the coordinator ended the stream').fault));
  });
}

/** A coordinator's word is its TLS session; a door's is none for what to train, and whom to seal to. */
function isProven(
  call: Pick<ClientReadableStream<WatchResponse>, 'getAuthContext'>,
  invitation: RoundInvitation,
  { cluster, receiptKey }: Pick<ClusterIdentity, 'cluster' | 'receiptKey'>,
): boolean {
  const server = call.getAuthContext();
  if (server !== null && !namesDoor(server.sslPeerCertificate?.subjectaltname)) return true;
  return verifyInvitation(invitation, cluster, receiptKey) === undefined;
}
