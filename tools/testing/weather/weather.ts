/**
 * Loaded by `--import` where TESTUDO_WEATHER holds a seed, in test processes and in all that they start: everything that Node
 * answers later than at once is told later still, in orders that real disks, networks and machines allow.
 */
import { basename } from 'node:path';
import { delaysOf, type Later } from './delays.ts';
import { install } from './install.ts';

const seed = process.env.TESTUDO_WEATHER;
let delays: Later = (_, act) => act();

if (seed !== undefined && seed !== '') {
  changePlace(basename(process.argv[1] ?? ''));
  await install((kind, act) => delays(kind, act));
}

/** Begins anew for a test file: what the files before it did in the same process does not change its weather. */
export function changePlace(place: string): void {
  if (seed !== undefined && seed !== '') delays = delaysOf(seed, place);
}
