/** What a federated model finds in a trace, and what of it is heard in a cluster. */
import { vocabulary } from '../../../events/vocabulary.ts';
import type { Observed, OpenDetector } from '../../detector.ts';
import type { Reading } from '../memory/local-memory.ts';
import type { SharedFindings } from './trace-score.ts';

/**
 * What is heard of findings: all, or where the federated model knows nothing of what is normal here (`Calibration.sharedHelps`) what one
 * without any evidence finds. Heard alone, as by the readings before, a memory scores what is new to it on a longer scale than a
 * mixture does: few workloads whose model liars had spoilt raised most of the false alarms. That there is a view of sets is left, so that the
 * memory is read the same way.
 */
export function heard(found: SharedFindings, { sharedHelps, reading }: Hearing): SharedFindings {
  if (sharedHelps !== false) return found;
  const setDistance = found.setDistance === undefined ? undefined : 0;
  if (readingOf({ reading }) < 4) return { surprisal: undefined, setDistance };
  const surprisal = found.surprisal?.map(() => uninformed);
  const knownRuns = found.knownRuns && new Uint8Array(found.knownRuns.length);
  return { surprisal, setDistance, surprised: uninformedSurprised, knownRuns };
}

type Hearing = Readonly<{ sharedHelps?: boolean | undefined; reading?: Reading | undefined }>;

/** Surprisal of a call, nats, after a model that knows nothing: one of the vocabulary. */
const uninformed = Math.log(vocabulary.length);
/**
 * How far a federation that knows nothing counts as surprised where a memory's profiles are weighed, nats: about as far as one that knows
 * a workload is by an attack. Chosen among 0.5 … 4 and `uninformed` on splits of the recorded normal contents that no page reports, under
 * liars that none does; 1 to 3 are alike.
 */
const uninformedSurprised = 2;

/** What the federated weights find in one trace: of its calls, of their set, and of their arguments where both know any. */
export function sharedFindings(detector: OpenDetector, trace: Observed, steadied = false): SharedFindings {
  return { ...sharedSurprisal(detector, trace), setDistance: detector.setDistance?.(trace, steadied) };
}

/** As `sharedFindings`, without the set. */
export function sharedSurprisal(detector: OpenDetector, trace: Observed): SharedFindings {
  const sequence = detector.surprisalAndRuns?.(trace);
  const [surprisal] = sequence === undefined ? detector.surprisal([trace]) : [sequence.surprisal];
  const finite = finiteOrNone(surprisal);
  const readsArguments = trace.argumentClasses !== undefined && detector.argumentSurprisal !== undefined;
  const [ofArguments] = readsArguments ? (detector.argumentSurprisal?.([trace]) ?? []) : [];
  const knownRuns = finite && sequence?.knownRuns;
  return { surprisal: finite, ofArguments: finiteOrNone(ofArguments), knownRuns };
}

/** Weights that an attack drove to NaN give no surprisal at all: the local memory then judges alone. */
function finiteOrNone(surprisal: Float32Array | undefined): Float32Array | undefined {
  return surprisal?.every(Number.isFinite) ? surprisal : undefined;
}

/** A stored one may say anything: what no version wrote is read as the first. */
export function readingOf({ reading }: Pick<Hearing, 'reading'>): Reading {
  return reading !== undefined && [2, 3, 4, 5, 6, 7].includes(reading) ? reading : 1;
}
