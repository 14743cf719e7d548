import { ok, type Result, refuse } from '../../base/fault.ts';

export type ConcurrencyCaps = Readonly<{
  /** Served at once, of all peers. */
  atOnceMax: number;
  /** Of one peer, served or waiting. */
  perPeerMax: number;
  /** That wait for their turn, of all peers. */
  waitingMax: number;
}>;

export type Leave = () => void;

/** Bounds how many streams of a kind are served at once, of one peer and of all. First come, first served. */
export class ConcurrencyLimit<Busy extends string> {
  readonly #busy: Busy;
  readonly #caps: ConcurrencyCaps;
  readonly #perPeer = new Map<string, number>();
  readonly #waiting: (() => void)[] = [];
  #open = 0;

  /** busy: the code of who is one too many. */
  constructor(busy: Busy, caps: ConcurrencyCaps) {
    this.#busy = busy;
    this.#caps = caps;
  }

  /** Waits for a turn. The caller calls what it gets exactly once. */
  async enter(peer: string, signal: AbortSignal): Promise<Result<Leave, Busy | 'CALL_CANCELLED'>> {
    const { atOnceMax, perPeerMax, waitingMax } = this.#caps;
    if (signal.aborted) return hungUp();
    const ofPeer = this.#perPeer.get(peer) ?? 0;
    if (ofPeer >= perPeerMax) {
      return refuse(this.#busy, `${peer} has ${ofPeer} such streams, as many as one may; end one first`);
    }
    if (this.#open >= atOnceMax && this.#waiting.length >= waitingMax) {
      return refuse(this.#busy, `${this.#open} such streams are served and ${waitingMax} wait; try again later`);
    }
    this.#perPeer.set(peer, ofPeer + 1);
    if (this.#open < atOnceMax) {
      this.#open += 1;
    } else if (!(await this.#turn(signal))) {
      this.#leavePeer(peer);
      return hungUp();
    }
    return ok(() => {
      this.#leavePeer(peer);
      const next = this.#waiting.shift();
      if (next === undefined) this.#open -= 1;
      else next(); // The place goes on to the next in line.
    });
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

function hungUp() {
  return refuse('CALL_CANCELLED', 'the caller hung up before its turn');
}
