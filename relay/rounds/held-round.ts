import { readFile } from 'node:fs/promises';
import { type Fault, ok, type Result, refuse } from '../../base/fault.ts';
import type { EpochMs, Timers } from '../../base/time.ts';
import type { Invitation } from '../../client/rounds/invitation.ts';
import type { RegionFaultCode, TrainedDelta, UplinkPorts } from '../../client/rounds/ports.ts';
import type { Digest, RoundId, TrackId } from '../../proto/ids.ts';
import { type Layout, layoutOf, valuesOfBytes } from '../../proto/layout.ts';
import type { Region } from '../region.ts';
import { holdRound } from './region-round.ts';
import { upwardDelta } from './upward-delta.ts';

export type HeldRoundReport = Readonly<
  | { kind: 'waiting'; track: TrackId; round: RoundId; fault: Fault<RegionFaultCode> }
  /** `round` of the parent, `held` of the region. `late`: the region's own deadlines end after the parent's round. */
  | { kind: 'opened'; track: TrackId; round: RoundId; held: RoundId; late: boolean }
  | { kind: 'candidate'; track: TrackId; round: RoundId; held: RoundId; provenance: Digest; updateCount: number }
>;

export type HeldRoundParts = Readonly<{
  region: Region;
  isStopping: () => boolean;
  timers: Pick<Timers, 'now'>;
  report: (report: HeldRoundReport) => void;
}>;

/**
 * What a region does where a cluster trains: it holds a round of its own from the same model, and brings what its clusters
 * made as one delta, with the digest of the provenance that says who they were.
 */
export function heldRounds({ region, isStopping, timers, report }: HeldRoundParts): UplinkPorts['train'] {
  return async (invitation, paths, signal): Promise<Result<TrainedDelta, RegionFaultCode>> => {
    const { track, round, spec, plan } = invitation;
    if (plan.sample !== undefined) {
      const remedy = 'set sample.mix to 0 in its policy';
      return refuse(
        'PLAN_UNSUPPORTED',
        `the parent mixes a trusted sample into training, which a region cannot: ${remedy}`,
      );
    }
    const ports = {
      region,
      isStopping,
      waiting: (fault: Fault<RegionFaultCode>) => report({ kind: 'waiting', track, round, fault }),
      opened: (held: RoundId) =>
        report({ kind: 'opened', track, round, held, late: endsAfter(region, invitation, timers.now()) }),
    };
    const ended = await holdRound(invitation, ports, signal);
    if (!ended.ok) return ended;
    const { round: held, phase } = ended.value;
    const layout = layoutOf(spec);
    const candidate = await valuesIn(layout, `the candidate of ${held}`, () => bytesOf(region, phase.candidate.digest));
    if (!candidate.ok) return candidate;
    const base = await valuesIn(layout, "the base of the parent's round", () => readFile(paths.base));
    if (!base.ok) return base;
    const { provenance, accepted } = phase;
    report({ kind: 'candidate', track, round, held, provenance, updateCount: accepted.length });
    const delta = upwardDelta({ candidate: candidate.value, base: base.value, accepted: [...accepted], invitation });
    return ok({ ...delta, provenance });
  };
}

/** Whether the region, taking all the time that its policy gives, comes too late for the parent. */
function endsAfter(region: Region, { track, closesAtMs }: Invitation, nowMs: EpochMs): boolean {
  const rules = region.state().tracks.get(track)?.policy.rounds;
  if (rules === undefined) return false;
  return nowMs + rules.recruitForMs + rules.collectForMs + rules.aggregateForMs > closesAtMs;
}

async function bytesOf({ blobs }: Region, digest: Digest): Promise<Uint8Array> {
  const read = await blobs.get(digest);
  if (!read.ok) throw new Error(read.fault.message);
  return read.value;
}

async function valuesIn(
  layout: Layout,
  what: string,
  read: () => Promise<Uint8Array>,
): Promise<Result<Float32Array, RegionFaultCode>> {
  try {
    const values = valuesOfBytes(layout, await read());
    if (values.ok) return values;
    return refuse('REGION_ROUND_REFUSED', `${what}: ${values.fault.message}`);
  } catch (error) {
    return refuse('REGION_ROUND_REFUSED', `${what} cannot be read: ${(error as Error).message}`);
  }
}
