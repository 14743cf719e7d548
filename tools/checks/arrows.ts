/**
 * Holds the arrows of the house (tools/checks/arrows/house.ts): which top folder may import which, the order of the rooms
 * inside, no circle at any level, and how large a file and a folder may be. Type-only and dynamic imports and the URLs of
 * workers count as imports. Run as a script it prints what it read, and ends with 1 when the house is not as drawn or when
 * it read too little.
 */
import { checkout, isMain } from '../setup/places.mjs';
import { objection } from './arrows/borders.ts';
import { circlesIn } from './arrows/circles.ts';
import { beyondKnown, isBetweenRooms, ofCircle, ofOrder, ofSizes, type Violation } from './arrows/findings.ts';
import { type Law, law } from './arrows/house.ts';
import { outOfOrder } from './arrows/order.ts';
import { arrowsBetween, isSource, type Module, readModules } from './arrows/reading.ts';
import { tooLarge } from './arrows/sizes.ts';

export type Reading = Readonly<{
  /** How many modules were read, by top folder. */
  modules: Readonly<Record<string, number>>;
  /** Every mention of another module by one of the product. */
  arrowsFollowed: number;
  /** Between: top folders, or the rooms of one. Inside: at every level below. */
  circles: Readonly<{ between: number; inside: number }>;
  medianLines: number;
  violations: readonly Violation[];
}>;

/** Reads every module of the house below root and holds it to the law. */
export function readArrows(root: string, held: Law = law): Reading {
  const folders = [...Object.keys(held.allowed), ...held.readToo];
  const read = new Map(folders.map((folder) => [folder, readModules(root, folder)]));
  const product = Object.keys(held.allowed).flatMap((folder) => read.get(folder) ?? []);
  const all = [...read.values()].flat();
  const sources = all.filter(isSource);
  const arrows = arrowsBetween(sources);
  const circles = circlesIn(arrows);
  const files = sources.map(({ file }) => file);
  const sizes = tooLarge(sources, held.sizes);
  const findings = [
    ...circles.flatMap(ofCircle),
    ...Object.entries(held.rooms).flatMap(([folder, order]) => outOfOrder(folder, order, files, arrows).map(ofOrder)),
    ...ofSizes(sizes, held.sizes),
  ];
  const arrowsFollowed = product.reduce((sum, { mentions }) => sum + mentions.length, 0);
  return {
    modules: Object.fromEntries([...read].map(([folder, modules]) => [folder, modules.length])),
    arrowsFollowed,
    circles: {
      between: circles.filter(isBetweenRooms).length,
      inside: circles.filter((circle) => !isBetweenRooms(circle)).length,
    },
    medianLines: sizes.medianLines,
    violations: [
      ...folders.flatMap((folder) => tooFew(folder, read.get(folder)?.length ?? 0, held)),
      ...(arrowsFollowed === 0 ? [{ file: '.', line: 0, why: 'no import was read anywhere' }] : []),
      ...all.flatMap(unreadable),
      ...product.flatMap((module) => acrossBorders(module, held)),
      ...beyondKnown(findings, held.known),
    ],
  };
}

function tooFew(folder: string, count: number, { modulesMin }: Law): Violation[] {
  const least = modulesMin[folder] ?? 1;
  if (count >= least) return [];
  const why = count === 0 ? 'no module was read here' : `only ${count} modules were read here, fewer than ${least}`;
  return [{ file: folder, line: 0, why }];
}

function unreadable({ file, unreadable: reason }: Module): Violation[] {
  return reason === undefined ? [] : [{ file, line: 0, why: `could not be read: ${reason}` }];
}

function acrossBorders({ file, mentions }: Module, held: Law): Violation[] {
  return mentions.flatMap((mention) => {
    const why = objection(file, mention, held);
    return why === undefined ? [] : [{ file, line: mention.line, why }];
  });
}

function main(): void {
  const { modules, arrowsFollowed, circles, medianLines, violations } = readArrows(checkout);
  for (const { file, line, why } of violations) process.stderr.write(`${file}:${line}: ${why}\n`);
  const counts = Object.entries(modules).map(([folder, count]) => `${folder} ${count}`);
  const total = Object.values(modules).reduce((sum, count) => sum + count, 0);
  process.stdout.write(
    `arrows: read ${total} modules (${counts.join(', ')}), ${arrowsFollowed} imports; ${circles.between} circles between rooms,` +
      ` ${circles.inside} inside rooms; the median source file has ${medianLines} lines; ${violations.length} against the law\n`,
  );
  process.exitCode = violations.length === 0 ? 0 : 1;
}

if (isMain(import.meta.url)) main();
