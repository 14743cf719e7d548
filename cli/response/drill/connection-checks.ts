import { type Check, checkThat, notMeasured } from './report.ts';

/** What became of connections to a pod that was put into quarantine. */
export type Connections = Readonly<{
  /** Why none could be made before the quarantine, so that none says anything afterwards; undefined where one could. */
  noneBefore?: string | undefined;
  /** From the patch to the first of two new connections in a row that did not come to stand; null where none did not. */
  refusedAfterMs: number | null;
  /** Why no new one could even be tried after the patch; undefined where one was. */
  untried?: string | undefined;
  /** For so long new ones were tried. */
  triedForMs: number;
  /** Whether a connection that stood before still brought answers at the end; undefined where none stood. */
  standingLives: boolean | undefined;
  /** The pod ran on all the while. One that ended, or was begun anew, answers nobody on any network. */
  podRanOn: boolean;
}>;

const newOne = 'a new connection to the pod in quarantine';
const newExpected = 'refused or dropped';
const standing = 'a connection to it that stood before';
const standingExpected = 'cut; Kubernetes leaves it to the network, so an intruder may keep his';
const whereItCan =
  'run it where pods run and the image has a shell and nc (--image): until then nobody knows whether the network enforces anything';
const ended = 'the pod itself ended or was begun anew meanwhile: that nobody answered says nothing about the network';
const retry = 'run it again: kubectl itself failed, which says nothing about the network';
const again = 'run it again; where it happens each time, look at what ends the pod (kubectl describe pod)';

/** Of a new connection, and of one that stood: "nobody answered" is what the network did only as long as somebody was there to answer. */
export function connectionChecks(of: Connections): readonly Check[] {
  return [newConnection(of), standingConnection(of)];
}

function newConnection({ noneBefore, untried, refusedAfterMs, triedForMs, podRanOn }: Connections): Check {
  if (noneBefore !== undefined) return notMeasured(newOne, newExpected, noneBefore, whereItCan);
  if (untried !== undefined) return notMeasured(newOne, newExpected, untried, retry);
  if (refusedAfterMs !== null && !podRanOn) return notMeasured(newOne, newExpected, ended, again);
  const seconds = Math.round(triedForMs / 1_000);
  const happened =
    refusedAfterMs === null
      ? `each was let through, for ${seconds} s: this network does not enforce the policy`
      : `let through no more after at most ${Math.round(refusedAfterMs)} ms`;
  const remedy =
    'use a network plugin that enforces NetworkPolicy; sign nothing above `observe` for this cluster before';
  return checkThat(newOne, newExpected, happened, refusedAfterMs !== null, remedy);
}

function standingConnection({ noneBefore, standingLives, podRanOn }: Connections): Check {
  if (standingLives === undefined) {
    const why = noneBefore ?? 'none came to stand, or kubectl ended it: what was said over it did not come back';
    return notMeasured(standing, standingExpected, why, whereItCan);
  }
  if (!standingLives && !podRanOn) return notMeasured(standing, standingExpected, ended, again);
  const happened = standingLives ? 'it lives on: isolation does not end what stands' : 'cut';
  const remedy =
    'know that an intruder keeps the connections that he has until the pod is evicted: a shorter `keepForMs` in the policy ends them sooner';
  return checkThat(standing, standingExpected, happened, !standingLives, remedy);
}
