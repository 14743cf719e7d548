import { canonicalBytes, type JsonValue } from '../../../base/canonical-json.ts';
import { ok } from '../../../base/fault.ts';
import { digestOf } from '../../../proto/digest.ts';
import { type RoundKeyPair, roundKeyPairOf, wipeKeyPair } from '../../../proto/envelope/crypto/keys.ts';
import type { Digest } from '../../../proto/ids.ts';
import { layoutOf } from '../../../proto/layout.ts';
import type { AggregationJob, ArrivedUpdate, JobUpdate } from '../job.ts';
import { type OpenPlaces, openOne } from './open-updates.ts';
import { MemoryRows } from './opened-rows.ts';

type Held = Readonly<{ keyName: string; pair: RoundKeyPair; rows: Map<Digest, MemoryRows> }>;

/**
 * Updates of one round at a time, each opened when it arrived: while others are still on their way a core is idle that all wait for once
 * the round has closed. In memory alone; what does not open is left for the round's job, which
 * says whose fault that is. `secretKey` is copied, and wiped with the rows.
 */
export class EarlyRows {
  #held: Held | undefined;

  /** Nothing where another round is held: its job comes first. */
  open(arrived: ArrivedUpdate, secretKey: Uint8Array, { path }: Pick<OpenPlaces, 'path'>): void {
    const { keyName, spec, schemaDigest, update, updatesMax } = arrived;
    const values = layoutOf(spec).length;
    this.#held ??= { keyName, pair: roundKeyPairOf(secretKey), rows: new Map() };
    const { pair, rows } = this.#held;
    const name = nameOf(schemaDigest, update);
    if (this.#held.keyName !== keyName || rows.size >= updatesMax || rows.has(name)) return;
    const row = new MemoryRows(values);
    const opened = openOne(arrived, update, () => ok({ round: pair }), 4 * values, path(update.payloadDigest), row);
    if (opened.ok) rows.set(name, row);
  }

  /** What gives a job the rows that were opened of its updates: they are the job's from then on. */
  takenBy({ keyName, schemaDigest }: AggregationJob): (update: JobUpdate) => MemoryRows | undefined {
    return (update) => {
      if (this.#held?.keyName !== keyName) return undefined;
      const name = nameOf(schemaDigest, update);
      const row = this.#held.rows.get(name);
      this.#held.rows.delete(name);
      return row;
    };
  }

  /** Leaves no trace of a round. */
  release(keyName: string): void {
    if (this.#held?.keyName !== keyName) return;
    for (const row of this.#held.rows.values()) row.release();
    wipeKeyPair(this.#held.pair);
    this.#held = undefined;
  }
}

/** Whatever an opened row depends on, beside the round. */
function nameOf(schemaDigest: Digest, update: JobUpdate): Digest {
  return digestOf(canonicalBytes([schemaDigest, update] as unknown as JsonValue));
}
