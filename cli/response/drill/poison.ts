import { UpdateFate } from '../../../proto/generated/testudo/v1/operator.ts';
import type { Rehearsal } from './rehearsal.ts';
import {
  type Check,
  checkThat,
  type Drill,
  notMeasured,
  rehearsalNeeds,
  rehearsalUndoes,
  rehearsed,
} from './report.ts';

export const poison: Drill = {
  name: 'poison',
  asks: 'if one cluster of five sends poisoned updates, does the federation learn from it?',
  does: `${rehearsed}; let one cluster send its update turned round and five times as large, under the policy that a federation starts with`,
  expects:
    'the round ends with a model all the same, the poisoned update is left out of it by name, and the model finds intrusions better than before',
  needs: rehearsalNeeds,
  undoes: rehearsalUndoes,
  isHarmless: true,
};

/** A model may lose so much of its worth by chance. */
const worthSlack = 0.02;

export async function runPoison({ round, worthOf, liar }: Rehearsal): Promise<readonly Check[]> {
  const before = await worthOf(null);
  const { answer, version, digest } = await round();
  const { summary, participations } = answer;
  const ended = version === 0 ? `abandoned: ${summary?.abandonedBecause ?? ''}` : `version ${version}`;
  const first = checkThat(
    'the round',
    'it ends with a model',
    ended,
    version !== 0,
    'look at its policy: quorum and f',
  );
  const [what, expected] = [`the update of ${liar}`, 'refused or excluded, with a reason'];
  const [worth, worthExpected] = ['what the model is worth', `no less than before the round: ${before.toFixed(3)}`];
  if (version === 0) return [first, ...[[what, expected] as const, [worth, worthExpected] as const].map(unseen)];
  const own = participations.find(({ cluster }) => cluster === liar);
  const isOut = own?.fate === UpdateFate.UPDATE_FATE_EXCLUDED || own?.fate === UpdateFate.UPDATE_FATE_REFUSED;
  const left = participations.filter(({ fate }) => fate === UpdateFate.UPDATE_FATE_SELECTED).length;
  const fate = isOut ? `${own.code}: ${own.reason}; ${left} others went in` : 'it went into the model';
  const sent = own === undefined || own.fate === UpdateFate.UPDATE_FATE_STRAGGLER;
  const after = await worthOf(digest);
  const score = `AUC ${after.toFixed(3)} over unseen traces, half of one being blind`;
  return [
    first,
    sent
      ? notMeasured(what, expected, 'it came too late: it poisoned nothing')
      : checkThat(
          what,
          expected,
          fate,
          isOut,
          'choose a rule that withstands f liars, as `testudo model init` writes one',
        ),
    checkThat(worth, worthExpected, score, after >= before - worthSlack, 'roll back: `testudo rollback`'),
  ];
}

const unseen = ([what, expected]: readonly [string, string]) => notMeasured(what, expected, 'there is no model');
