import type { TrackId } from '../ids.ts';
import type { AntibodyPin, Pins } from './documents/catalogue.ts';
import { isInForce } from './legality.ts';
import { isFor, type Member } from './resolve.ts';

/**
 * What operators hold a cluster to of a track's antibodies: one pin for each antibody, in the order of their digests. A pin for the
 * cluster counts before one for a label, and that before one for all; of two alike the one that was set last.
 */
export function antibodyPinsFor(
  member: Member,
  track: TrackId,
  { antibodies = [] }: Pins,
  nowMs: number,
): readonly AntibodyPin[] {
  const found = new Map<string, AntibodyPin>();
  for (const pin of antibodies) {
    const { subject } = pin;
    if (pin.track !== track || !isInForce(pin, nowMs) || !(subject === null || isFor(subject, member))) continue;
    const other = found.get(pin.antibody);
    if (other === undefined || nearness(pin) >= nearness(other)) found.set(pin.antibody, pin);
  }
  return [...found.values()].sort((a, b) => (a.antibody < b.antibody ? -1 : 1));
}

function nearness({ subject }: AntibodyPin): number {
  if (subject === null) return 0;
  return 'label' in subject ? 1 : 2;
}
