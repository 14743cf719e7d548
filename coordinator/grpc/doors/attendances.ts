import { ok, type Result, refuse } from '../../../base/fault.ts';
import type { Timers } from '../../../base/time.ts';
import type { SigningKeyPair } from '../../../proto/envelope/crypto/keys.ts';
import { signInvitation } from '../../../proto/envelope/invitation-proof.ts';
import type { Arrival, AttendRequest, AttendResponse } from '../../../proto/generated/testudo/v1/doors.ts';
import { WatchResponse } from '../../../proto/generated/testudo/v1/federation.ts';
import type { ClusterId } from '../../../proto/ids.ts';
import { type AccessControl, type Call, noLongerRead } from '../../access/access-control.ts';
import { calls } from '../../access/calls.ts';
import type { CutFaultCode } from '../../access/faults.ts';
import type { Send } from '../door.ts';
import type { EndFaultCode, Watchers } from '../federation/watch.ts';
import type { MessageReader } from '../message-reader.ts';
import { malformed } from '../service.ts';
import { seenBy } from './seen-peer.ts';

/** A door has nothing to say for as long as nobody comes or goes. */
const idleMsMax = 2 ** 30;
const signOfLifeMs = 5_000;
/** Ends of watches that the door has not taken: with more of them outstanding nothing that it says is read. */
const endsOwedMax = 256;
const nothing = Buffer.alloc(0);
const watchPath = '/testudo.v1.Federation/Watch';

type Changes = MessageReader<AttendRequest | typeof malformed>;
type AttendancesParts = Readonly<{
  access: AccessControl;
  watchers: Watchers;
  /** Signs invitations: the door that hands them on is not believed. */
  receiptKey: SigningKeyPair;
  timers: Timers;
}>;

/** Doors that are connected, and the watches that each attends: every one as if its cluster had called here. */
export class Attendances {
  readonly #parts: AttendancesParts;
  readonly #open = new Map<string, Set<Attendance>>();

  constructor(parts: AttendancesParts) {
    this.#parts = parts;
  }

  /** How many processes of this door are connected, and what they attend. */
  of(door: string): Readonly<{ connected: number; watches: number }> {
    const open = [...(this.#open.get(door) ?? [])];
    return { connected: open.length, watches: open.reduce((sum, { size }) => sum + size, 0) };
  }

  /** Serves one door's stream until it ends or is cut. */
  async attend(
    door: string,
    changes: Changes,
    send: Send<AttendResponse>,
    signal: AbortSignal,
  ): Promise<Result<void, CutFaultCode | 'MESSAGE_MALFORMED' | 'PEER_TOO_SLOW'>> {
    const { timers } = this.#parts;
    const attendance = new Attendance(this.#parts, door, send);
    const own = this.#open.get(door) ?? new Set();
    this.#open.set(door, own.add(attendance));
    const say = () => void send({ watch: 0n, said: { $case: 'directive', value: nothing } });
    const beat = timers.every(signOfLifeMs, say);
    say();
    try {
      return await attendance.follow(changes, signal);
    } finally {
      timers.cancel(beat);
      await attendance.end();
      own.delete(attendance);
      if (own.size === 0) this.#open.delete(door);
    }
  }
}

type Watching = Readonly<{ leave: AbortController; ended: Promise<void> }>;

/** One door's stream: watches come and go in it. */
class Attendance {
  readonly #parts: AttendancesParts;
  readonly #door: string;
  readonly #send: Send<AttendResponse>;
  readonly #watches = new Map<bigint, Watching>();
  #endsOwed = 0;
  #endTaken = () => {};

  constructor(parts: AttendancesParts, door: string, send: Send<AttendResponse>) {
    this.#parts = parts;
    this.#door = door;
    this.#send = send;
  }

  get size(): number {
    return this.#watches.size;
  }

  async follow(
    changes: Changes,
    signal: AbortSignal,
  ): Promise<Result<void, CutFaultCode | 'MESSAGE_MALFORMED' | 'PEER_TOO_SLOW'>> {
    for (;;) {
      while (this.#endsOwed > endsOwedMax) await new Promise<void>((resolve) => (this.#endTaken = resolve));
      const read = await changes.next(idleMsMax);
      if (read.kind === 'tooSlow') continue;
      if (read.kind === 'aborted') return noLongerRead(signal);
      if (read.kind === 'end') return ok(undefined);
      const change = read.message === malformed ? undefined : read.message.change;
      if (change === undefined) return refuse('MESSAGE_MALFORMED', 'a message holds no arrival and no departure');
      if (change.$case === 'departure') this.#watches.get(change.value)?.leave.abort();
      else if (!this.#watches.has(change.value.watch)) this.#arrive(change.value);
    }
  }

  async end(): Promise<void> {
    for (const { leave } of this.#watches.values()) leave.abort();
    await Promise.all([...this.#watches.values()].map(({ ended }) => ended));
  }

  /** A cluster's own Watch, but for where its messages go. It is let in, limited, audited and cut as any. */
  #arrive({ watch, peer, request }: Arrival): void {
    const leave = new AbortController();
    const ended = this.#watch({ watch, peer, request }, leave.signal).then(async (served) => {
      this.#watches.delete(watch);
      if (leave.signal.aborted) return;
      const value = served.ok ? 'CALL_CANCELLED' : served.fault.code;
      this.#endsOwed += 1;
      await this.#send({ watch, said: { $case: 'ended', value } });
      this.#endsOwed -= 1;
      this.#endTaken();
    });
    this.#watches.set(watch, { leave, ended });
  }

  #watch({ watch, peer, request }: Arrival, left: AbortSignal): Promise<Result<void, EndFaultCode>> {
    const { access, watchers, receiptKey } = this.#parts;
    const seen = seenBy(this.#door, peer);
    const onHangUp = (listener: () => void) => left.addEventListener('abort', listener, { once: true });
    const sendTo = (cluster: ClusterId) => async (message: WatchResponse) => {
      // That a stream lives the door says itself: to each of ten thousand it would be most of what goes this way.
      if (message.directive?.$case === 'heartbeat') return !left.aborted;
      const value = Buffer.from(WatchResponse.encode(signed(message, cluster, receiptKey)).finish());
      return !left.aborted && this.#send({ watch, said: { $case: 'directive', value } });
    };
    const wanted = request ?? { tracks: [], clientBuild: '' };
    const work = (call: Call<'cluster'>) =>
      watchers.watch(call.caller.cluster, wanted, sendTo(call.caller.cluster), call);
    return access.serve(calls.federation.watch, { ...seen, name: watchPath, onHangUp }, work);
  }
}

function signed(message: WatchResponse, cluster: ClusterId, key: SigningKeyPair): WatchResponse {
  const { directive } = message;
  if (directive?.$case !== 'invitation') return message;
  const value = { ...directive.value, signature: signInvitation(directive.value, cluster, key) };
  return { directive: { $case: 'invitation', value } };
}
