import { shortDigest } from '../../base/text/table.ts';
import type { KnownAntibody } from '../../proto/generated/testudo/v1/operator_rounds.ts';
import { exitWith } from '../exit.ts';
import type { OperatorConnection } from '../operator/connection.ts';

/** Digits that name an antibody among a track's. */
const digitsMin = 6;

/** The antibody that these digits name, as `testudo antibodies list` shows them or more; of the same, the newest. */
export async function namedAntibody(
  connection: OperatorConnection,
  track: string,
  text: string,
): Promise<KnownAntibody> {
  const { antibodies } = await connection.call(connection.client.listAntibodies, { track });
  const digits = text.replace(/^sha256:/, '');
  const named = antibodies.filter(({ digest }) => digest.startsWith(`sha256:${digits}`));
  const distinct = new Set(named.map(({ digest }) => digest));
  const one = named.at(-1);
  if (digits.length >= digitsMin && distinct.size === 1 && one !== undefined) return one;
  const known = [...new Set(antibodies.map(({ digest }) => shortDigest(digest)))].join(', ') || 'none';
  const message = `${text} names ${distinct.size} antibodies; give ${digitsMin} digits or more of one of: ${known}`;
  return exitWith({ code: 'ANTIBODY_UNKNOWN', message });
}
