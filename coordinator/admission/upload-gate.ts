import { ok, type Result, refuse } from '../../proto/fault.ts';

export type UploadCaps = Readonly<{
  /** Uploads read at once, of all peers: each holds at most a few messages in memory. */
  uploadsMax: number;
  /** Of one peer. */
  uploadsPerPeerMax: number;
  /** Uploads that wait for their turn, unread, held back by their flow control. */
  waitingMax: number;
  /** Different payloads that one peer may begin in one round: what it leaves unfinished lies on our disk. */
  attemptsMax: number;
}>;

export type Leave = () => void;

/** Bounds what uploads cost: streams at once, streams per peer, and unfinished payloads per peer and round. */
export class UploadGate {
  readonly #caps: UploadCaps;
  readonly #perPeer = new Map<string, number>();
  readonly #waiting: (() => void)[] = [];
  readonly #attempts = new Map<string, Map<string, Set<string>>>();
  #open = 0;

  constructor(caps: UploadCaps) {
    this.#caps = caps;
  }

  /** Waits for a turn, first come first served. The caller calls what it gets exactly once. */
  async enter(
    upload: Readonly<{ peer: string; round: string; payload: string }>,
    signal: AbortSignal,
  ): Promise<Result<Leave, 'UPLOADS_BUSY' | 'CALL_CANCELLED'>> {
    const { uploadsMax, uploadsPerPeerMax, waitingMax } = this.#caps;
    const ofPeer = this.#perPeer.get(upload.peer) ?? 0;
    if (ofPeer >= uploadsPerPeerMax) {
      return refuse('UPLOADS_BUSY', `${upload.peer} has ${ofPeer} uploads open; finish one first`);
    }
    if (!this.#begin(upload)) {
      return refuse('UPLOADS_BUSY', `${upload.peer} began more than ${this.#caps.attemptsMax} payloads in this round`);
    }
    if (this.#open >= uploadsMax && this.#waiting.length >= waitingMax) {
      return refuse('UPLOADS_BUSY', `${this.#open} uploads are open and ${waitingMax} wait; try again later`);
    }
    this.#perPeer.set(upload.peer, ofPeer + 1);
    if (this.#open < uploadsMax) {
      this.#open += 1;
    } else if (!(await this.#turn(signal))) {
      this.#leavePeer(upload.peer);
      return refuse('CALL_CANCELLED', 'the caller hung up while it waited for its turn');
    }
    return ok(() => {
      this.#leavePeer(upload.peer);
      const next = this.#waiting.shift();
      if (next === undefined) this.#open -= 1;
      else next(); // The place goes on to the next in line.
    });
  }

  /** A round is over: what its peers began no longer counts. */
  forgetRound(round: string): void {
    this.#attempts.delete(round);
  }

  #begin({ peer, round, payload }: Readonly<{ peer: string; round: string; payload: string }>): boolean {
    const ofRound = this.#attempts.get(round) ?? new Map<string, Set<string>>();
    this.#attempts.set(round, ofRound);
    const begun = ofRound.get(peer) ?? new Set();
    ofRound.set(peer, begun);
    if (!begun.has(payload) && begun.size >= this.#caps.attemptsMax) return false;
    begun.add(payload);
    return true;
  }

  #turn(signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const onTurn = () => {
        signal.removeEventListener('abort', onAbort);
        resolve(true);
      };
      const onAbort = () => {
        const position = this.#waiting.indexOf(onTurn);
        if (position >= 0) this.#waiting.splice(position, 1);
        resolve(false);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiting.push(onTurn);
    });
  }

  #leavePeer(peer: string): void {
    const left = (this.#perPeer.get(peer) ?? 1) - 1;
    if (left > 0) this.#perPeer.set(peer, left);
    else this.#perPeer.delete(peer);
  }
}
