import { refuse } from '../base/fault.ts';
import type { EndFaultCode, WatchSource } from '../coordinator/grpc/federation/watch.ts';
import type { AttendRequest, AttendResponse, SeenPeer } from '../proto/generated/testudo/v1/doors.ts';
import { type WatchRequest, WatchResponse } from '../proto/generated/testudo/v1/federation.ts';
import { isServedFaultCode } from '../proto/served-faults.ts';
import { seenPeer } from './seen-peer.ts';

/** A stream to the leader by which it hears who watches here. */
export type AttendLine = Readonly<{ say(change: AttendRequest): void }>;

type Watching = Readonly<{
  peer: SeenPeer;
  request: WatchRequest;
  tell: (directive: Buffer) => void;
  end: Parameters<WatchSource<Buffer, Buffer>['join']>[2];
}>;

/**
 * Who watches at this door. Streams of clusters stay open while no coordinator leads: the next one is told of all of them, and
 * tells each what is open for it, as after a reconnection of its own.
 */
export class Attendance {
  readonly #watches = new Map<bigint, Watching>();
  #line: AttendLine | undefined;
  #lastNumber = 0n;

  get size(): number {
    return this.#watches.size;
  }

  /** Directives as they go to clusters: encoded, as the leader made them. */
  readonly source: WatchSource<Buffer, Buffer> = {
    join: ({ request, call }, tell, end) => {
      const number = ++this.#lastNumber;
      const watching = { peer: seenPeer(call), request, tell, end };
      this.#watches.set(number, watching);
      this.#line?.say(arrivalOf(number, watching));
      const leave = () => {
        if (this.#watches.delete(number)) this.#line?.say({ change: { $case: 'departure', value: number } });
      };
      return { current: [], leave };
    },
    messageOf: (directive) => directive,
    heartbeat: (nowMs) => {
      const value = { nowMs: BigInt(nowMs) };
      return Buffer.from(WatchResponse.encode({ directive: { $case: 'heartbeat', value } }).finish());
    },
  };

  /** Another coordinator leads, or the same one again; undefined: none is reached. */
  lineTo(line: AttendLine | undefined): void {
    this.#line = line;
    if (line !== undefined) for (const [number, watching] of this.#watches) line.say(arrivalOf(number, watching));
  }

  hear({ watch, said }: AttendResponse): void {
    const watching = this.#watches.get(watch);
    if (said?.$case === 'directive') watching?.tell(said.value);
    if (said?.$case === 'ended') watching?.end(endedBy(said.value));
  }
}

function arrivalOf(watch: bigint, { peer, request }: Watching): AttendRequest {
  return { change: { $case: 'arrival', value: { watch, peer, request } } };
}

/** A newer coordinator may say what this build does not know: then its cluster comes again. */
function endedBy(text: string) {
  const code = (isServedFaultCode(text) ? text : 'DRAINING') as EndFaultCode;
  return refuse(code, 'the coordinator has ended it, and noted why', { isNoted: true }).fault;
}
