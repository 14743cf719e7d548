import type { Result } from '../../../base/fault.ts';
import type { UpdateHeader } from '../../../proto/envelope/header.ts';
import { headerToWire } from '../../../proto/envelope/wire.ts';
import type { Receipt } from '../../../proto/generated/testudo/v1/common.ts';
import type { SubmitUpdateRequest } from '../../../proto/generated/testudo/v1/federation.ts';
import type { ClusterId } from '../../../proto/ids.ts';
import type { Draws } from '../world/draws.ts';
import type { Host, Link } from '../world/network.ts';
import type { Services } from './services.ts';
import type { Witness } from './witness.ts';

export type Submission = Readonly<{
  header: UpdateHeader;
  signature: Uint8Array;
  sealed: Buffer;
  offset: number;
  /** How the header is changed after it was signed. */
  forge?: (wire: ReturnType<typeof headerToWire>) => ReturnType<typeof headerToWire>;
  /** The stream ends after so many bytes. */
  endsAfter?: number;
}>;

const pieceBytes = 48;

/** One SubmitUpdate stream as it reaches the coordinator, with its refusal audited as the door does. */
export async function submitThrough(
  { process, services }: Host<Services>,
  peer: ClusterId,
  { header, signature, sealed, offset, forge = (wire) => wire, endsAfter }: Submission,
  { link, draws, signal, witness }: Readonly<{ link: Link; draws: Draws; signal: AbortSignal; witness: Witness }>,
): Promise<Result<Receipt>> {
  const wire = forge(headerToWire(header, signature, offset));
  const parts: NonNullable<SubmitUpdateRequest['part']>[] = [{ $case: 'header', value: wire }];
  const end = endsAfter === undefined ? sealed.byteLength : Math.min(sealed.byteLength, offset + endsAfter);
  for (let at = offset; at < end; at += pieceBytes) {
    parts.push({ $case: 'chunk', value: Buffer.from(sealed.subarray(at, Math.min(at + pieceBytes, end))) });
  }
  let isCut = signal.aborted;
  signal.addEventListener('abort', () => {
    isCut = true;
  });
  const next = async (patience: number) => {
    if (isCut || link.isCut) return { kind: 'aborted' } as const;
    const part = parts.shift();
    const comesInMs = link.trickleMs * draws.of(`trickle ${link.name}`)() + (link.delayMsMax > 1_000 ? 1 : 0);
    if (comesInMs > patience) {
      await new Promise<void>((resolve) => process.timers.after(patience, resolve));
      return { kind: 'tooSlow' } as const;
    }
    if (comesInMs > 0) await new Promise<void>((resolve) => process.timers.after(comesInMs, resolve));
    if (isCut || link.isCut) return { kind: 'aborted' } as const;
    return part === undefined ? ({ kind: 'end' } as const) : ({ kind: 'message', message: { part } } as const);
  };
  const outcome = await services.intake.submit(peer, { next }, { signal });
  if (!outcome.ok) {
    const { code, message } = outcome.fault;
    const refusal = {
      what: 'update',
      code,
      cause: message,
      cluster: peer,
      track: header.track,
      round: header.round,
    } as const;
    witness.refused(services.engine.epoch);
    services.engine.refuse({ kind: 'cluster', cluster: peer }, refusal);
  }
  return outcome;
}
