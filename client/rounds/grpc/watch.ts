import type { ClientReadableStream } from '@grpc/grpc-js';
import { type Fault, refuse } from '../../../base/fault.ts';
import { hearStream } from '../../../proto/call.ts';
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
export async function watch(
  client: FederationClient,
  { tracks, clientBuild, silenceMsMax, signal, timers, onDirective }: WatchOptions,
  identity: Pick<ClusterIdentity, 'cluster' | 'receiptKey'>,
): Promise<Fault> {
  const over = new AbortController();
  let ours: Fault | undefined;
  const endWith = (reason: Fault) => {
    ours ??= reason;
    over.abort();
  };
  const listen = () =>
    timers.after(silenceMsMax, () => endWith(refuse('WATCH_SILENT', `nothing was heard for ${silenceMsMax} ms`).fault));
  let silence = listen();
  const ended = await hearStream(
    () => client.watch({ tracks: [...tracks], clientBuild }),
    {
      signal: AbortSignal.any([signal, over.signal]),
      onMessage({ directive }, stream) {
        timers.cancel(silence);
        silence = listen();
        if (directive === undefined || ours !== undefined) return;
        if (directive.$case === 'invitation' && !isProven(stream, directive.value, identity)) {
          endWith(refuse('INVITATION_UNPROVEN', 'a door gave an invitation that its coordinator has not signed').fault);
        } else onDirective(directive);
      },
    },
    refuse('WATCH_ENDED', 'the coordinator ended the stream').fault,
  );
  timers.cancel(silence);
  return ours ?? (signal.aborted ? refuse('STOPPED', 'this client is stopping').fault : ended);
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
