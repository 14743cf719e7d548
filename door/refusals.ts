import type { Log } from '../base/log.ts';
import type { Timers } from '../base/time.ts';
import { type Refusal, type RefusalLog, RefusalMeter } from '../coordinator/access/refusal-meter.ts';
import { spiffeId } from '../coordinator/keys/spiffe.ts';
import type { Actor } from '../coordinator/ledger/journal/events.ts';
import type { FederationId } from '../proto/ids.ts';
import type { LeaderLink } from './leader-link.ts';

type RefusalParts = Readonly<{
  federation: FederationId;
  leader: Pick<LeaderLink, 'note'>;
  timers: Timers;
  log: Log;
}>;

type Draft = NonNullable<ReturnType<RefusalMeter['take']>>;

/** So many are on their way at once; beyond that the log alone has them. */
const onTheirWayMax = 256;
const flushEveryMs = 10_000;

/**
 * What this door refuses, told to the leader for the audit log (I9): metered here as a coordinator meters, so that a flood at a
 * door is none there. What cannot be told, because nobody leads, is counted in the door's own log: a line when that begins, and one with
 * how many there were of each code when the leader hears of refusals again, or the door ends.
 */
export class DoorRefusals implements RefusalLog {
  readonly #parts: RefusalParts;
  readonly #meter = new RefusalMeter();
  readonly #beat: ReturnType<Timers['every']>;
  #onTheirWay = 0;
  /** By code, since the last that the leader was told; empty while it hears of all. */
  readonly #untold = new Map<string, number>();

  constructor(parts: RefusalParts) {
    this.#parts = parts;
    this.#beat = parts.timers.every(flushEveryMs, () => this.#flush(false));
  }

  refuse(actor: Actor, refusal: Refusal): boolean {
    const draft = this.#meter.take(actor, refusal, this.#parts.timers.now());
    if (draft === undefined) return false;
    void this.#tell(draft);
    return true;
  }

  async close(): Promise<void> {
    this.#parts.timers.cancel(this.#beat);
    await this.#flush(true);
    this.#sumUp();
  }

  async #flush(all: boolean): Promise<void> {
    await Promise.all(this.#meter.flush(this.#parts.timers.now(), all).map((draft) => this.#tell(draft)));
  }

  async #tell({ actor, event }: Draft): Promise<void> {
    const { leader, federation } = this.#parts;
    const { what, code, cause, track, round, payloadDigest, repeats } = event;
    if (this.#onTheirWay >= onTheirWayMax) {
      this.#count(event, 'too many are on their way already');
      return;
    }
    this.#onTheirWay += 1;
    const uri = actor.kind === 'cluster' ? spiffeId({ kind: 'cluster', federation, cluster: actor.cluster }) : '';
    const address = actor.kind === 'stranger' ? actor.address : '';
    const about = { track: track ?? '', round: round ?? '', payloadDigest: payloadDigest ?? '' };
    const summed = repeats === 0 ? cause : `${cause} (and ${repeats} more)`;
    // By which certificate is not kept with a refusal; a peer without a serial would be nobody.
    const peer = { uri, serial: '01', expiresAtMs: 0n, address };
    const told = await leader.note({ peer, what, code, cause: summed, ...about });
    this.#onTheirWay -= 1;
    if (told.ok) this.#sumUp();
    else this.#count(event, told.fault.message);
  }

  #count({ code, repeats }: Draft['event'], why: string): void {
    if (this.#untold.size === 0) {
      this.#parts.log.warn({ code, cause: why }, 'refusals that the leader cannot be told of are counted');
    }
    this.#untold.set(code, (this.#untold.get(code) ?? 0) + 1 + repeats);
  }

  #sumUp(): void {
    if (this.#untold.size === 0) return;
    this.#parts.log.warn({ counts: Object.fromEntries(this.#untold) }, 'refusals that nobody was told of');
    this.#untold.clear();
  }
}
