import { z } from 'zod';
import { ok, type Result, refuse } from '../../../base/fault.ts';
import { firstProblem, problemText } from '../../../base/text/problem-text.ts';
import type { EpochMs } from '../../../base/time.ts';
import type { TellMapRequest } from '../../../proto/generated/testudo/v1/federation.ts';
import type { ClusterId } from '../../../proto/ids.ts';
import { sharedMapLimits } from '../../../proto/wire-names.ts';
import { wireMs } from './wire-time.ts';

const count = z
  .bigint()
  .max(BigInt(Number.MAX_SAFE_INTEGER))
  .transform((value) => Number(value));
/** Other people's words, and an attacker's: shown as text alone. */
const name = z.string().max(sharedMapLimits.nameCharacters);
const seen = { requests: count, isNew: z.boolean() };

const shape = z.object({
  ...{ fromMs: wireMs, untilMs: wireMs, newSinceMs: wireMs },
  services: z.array(z.object({ name, ...seen })).max(sharedMapLimits.services),
  edges: z.array(z.object({ from: name, to: name, ...seen })).max(sharedMapLimits.edges),
  templates: z
    .array(
      z.object({
        ...{ service: name, method: name, template: name, ...seen },
        callers: z.int().min(0).max(1_000_000),
        ...{ isOpen: z.boolean(), isOpenAmongClosed: z.boolean() },
      }),
    )
    .max(sharedMapLimits.templates),
  leftOff: z.int().min(0).max(1_000_000_000),
});

/** What a cluster shares of its map, in its own words. */
export type ClusterMap = z.output<typeof shape>;
export type HeardMap = ClusterMap & Readonly<{ heardAtMs: EpochMs }>;

/** A map is a few hundred kilobytes: so many clusters' are kept, those that told last. */
const clustersMax = 256;

/** The maps that clusters agreed to share, as they told them last. In memory alone: clients tell anew on each connection. */
export class MapBoard {
  readonly #maps = new Map<ClusterId, HeardMap>();

  /** What a cluster tells takes the place of what it told before. */
  hear(cluster: ClusterId, told: TellMapRequest, nowMs: EpochMs): Result<void, 'REQUEST_INVALID'> {
    const parsed = shape.safeParse(told, { error: problemText });
    if (!parsed.success) return refuse('REQUEST_INVALID', `map: ${firstProblem(parsed.error)}`);
    this.#maps.delete(cluster); // The last to tell stands last.
    this.#maps.set(cluster, { ...parsed.data, heardAtMs: nowMs });
    const [oldest] = this.#maps.keys();
    if (this.#maps.size > clustersMax && oldest !== undefined) this.#maps.delete(oldest);
    return ok(undefined);
  }

  of(cluster: ClusterId): HeardMap | undefined {
    return this.#maps.get(cluster);
  }
}
