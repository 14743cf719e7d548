import { callIdOfNumber, unknownId } from '../../../events/vocabulary.ts';

/** Highest number of a call that a table may know. */
const numberMax = 1_024;
/** Written for calls that no table knows; read back as the unknown call. */
export const unknownNumber = 2_147_483_647;

const numberOfId = new Map<number, number>();
for (let number = numberMax; number >= 0; number -= 1) {
  const id = callIdOfNumber(number, 'x86_64');
  if (id !== unknownId) numberOfId.set(id, number);
}

/**
 * The x86-64 number that trace files hold for a vocabulary id, whatever machine the call was made on. Of variants that are
 * one word of the vocabulary it is the lowest.
 */
export function numberOfCallId(id: number): number {
  return numberOfId.get(id) ?? unknownNumber;
}
