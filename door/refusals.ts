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

/** So many are on their way at once; beyond that the log alone has them. */
const onTheirWayMax = 256;
const flushEveryMs = 10_000;

/**
 * What this door refuses, told to the leader for the audit log (I9): metered here as a coordinator meters, so that a flood at a
 * door is none there. What cannot be told, because nobody leads, is in the door's own log.
 */
export class DoorRefusals implements RefusalLog {
  readonly #parts: RefusalParts;
  readonly #meter = new RefusalMeter();
  readonly #beat: ReturnType<Timers['every']>;
  #onTheirWay = 0;

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
  }

  async #flush(all: boolean): Promise<void> {
    await Promise.all(this.#meter.flush(this.#parts.timers.now(), all).map((draft) => this.#tell(draft)));
  }

  async #tell({ actor, event }: NonNullable<ReturnType<RefusalMeter['take']>>): Promise<void> {
    const { leader, log, federation } = this.#parts;
    const { what, code, cause, track, round, payloadDigest, repeats } = event;
    if (this.#onTheirWay >= onTheirWayMax) {
      log.warn({ what, code, cause }, 'a refusal that nobody was told of');
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
    if (!told.ok) log.warn({ what, code, cause }, 'a refusal that nobody was told of');
  }
}
