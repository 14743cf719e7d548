import { failpoint } from '../base/failpoint.ts';
import { ok, type Result, refuse } from '../base/fault.ts';
import type { Timers } from '../base/time.ts';
import type { BlobStore } from '../coordinator/blobs/blob-store.ts';
import type { IntakeDesk } from '../coordinator/grpc/updates/intake-desk.ts';
import type { UploadFaultCode } from '../coordinator/grpc/upload-faults.ts';
import { checkUpdate } from '../coordinator/rounds/update-desk.ts';
import { headerToWire } from '../proto/envelope/wire.ts';
import { UploadStatusRequest, UploadStatusResponse } from '../proto/generated/testudo/v1/federation.ts';
import { isServedFaultCode } from '../proto/served-faults.ts';
import type { JournalTail } from './journal-tail.ts';
import type { LeaderLink } from './leader-link.ts';
import { seenPeer } from './seen-peer.ts';

const statusPath = '/testudo.v1.Federation/UploadStatus';

type DeskParts = Readonly<{
  tail: JournalTail;
  leader: Pick<LeaderLink, 'accept' | 'handOn'>;
  blobs: BlobStore;
  timers: Timers;
}>;

/**
 * Where a door's intake has its updates decided: by the coordinator that leads. What the journal says already is found out here,
 * before any byte is read. Bytes that are stored stay, whatever comes of them: only the leader removes any.
 */
export function deskOfDoor({ tail, leader, blobs, timers }: DeskParts): IntakeDesk {
  return {
    federation: tail.federation,
    state: () => tail.state(),
    blobs,
    catchUp: () => tail.catchUp(),
    check(header) {
      const checked = checkUpdate(tail.state(), header, timers.now());
      // Its receipt is the leader's to sign.
      return checked.ok ? ok({ kind: checked.value.kind === 'upload' ? 'upload' : 'accepted' }) : checked;
    },
    async accept({ header, signature }, sender) {
      failpoint('door-stored');
      const peer = seenPeer(sender);
      const answered = await leader.accept({ peer, header: headerToWire(header, signature, 0) });
      if (!answered.ok) return answered;
      const { outcome } = answered.value;
      if (outcome?.$case === 'receipt') return ok(outcome.value);
      return refusedBy(outcome?.value);
    },
    async receiptOf({ track, round, digest: payloadDigest }, sender) {
      const request = Buffer.from(UploadStatusRequest.encode({ track, round, payloadDigest }).finish());
      const answered = await leader.handOn({ peer: seenPeer(sender), method: statusPath, request });
      if (!answered.ok) return answered;
      const { outcome } = answered.value;
      if (outcome?.$case === 'response') return ok(UploadStatusResponse.decode(outcome.value).receipt);
      return refusedBy(outcome?.value);
    },
  };
}

/** A refusal of the leader's. It has noted it, and who it was. */
export function refusedBy(code: string | undefined): Result<never, UploadFaultCode> {
  const known = code !== undefined && isServedFaultCode(code) ? code : 'INTERNAL';
  return refuse(known as UploadFaultCode, 'refused by the coordinator, which has noted it', { isNoted: true });
}
