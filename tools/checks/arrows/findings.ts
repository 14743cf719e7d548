import type { Circle } from './circles.ts';
import type { Known } from './known.ts';
import type { OutOfOrder } from './order.ts';
import type { SizeLimits, Sizes } from './sizes.ts';

export type Violation = Readonly<{ file: string; line: number; why: string }>;

/** A violation that the list of what is known may still excuse, by its key in one of the list's parts. */
export type Finding = Violation & Readonly<{ part: keyof Known; key: string }>;

/** One finding for every file or folder that is in a circle. */
export function ofCircle({ folder, among, arrows }: Circle): Finding[] {
  return among.map((child) => {
    const key = folder === '' ? child : `${folder}/${child}`;
    const drawn = arrows.filter(({ from }) => isAtOrBelow(from, key));
    const names = drawn.map(({ from, line, to }) => `${from}:${line} → ${to}`).join(', ');
    const why = `is in a circle with ${among.filter((one) => one !== child).join(', ')}: ${names}`;
    return { file: key, line: drawn[0]?.line ?? 0, why, part: 'inCircles', key };
  });
}

/** Imports that go up; a list of rooms that is not about the rooms that are there can be excused by nobody. */
export function ofOrder(found: OutOfOrder): Finding | Violation {
  const list = 'tools/checks/arrows/house.ts';
  switch (found.kind) {
    case 'absent':
      return { file: list, line: 0, why: `lists the room ${found.room}, which is not there` };
    case 'unlisted':
      return {
        file: found.room,
        line: 0,
        why: `is a room that has no place in the order of rooms; give it one in ${list}`,
      };
    case 'upwards': {
      const { from, to, arrow } = found;
      const why = `imports ${arrow.to}, but ${to} does not stand below ${from} in the order of rooms`;
      return { file: arrow.from, line: arrow.line, why, part: 'upwards', key: `${from} → ${to}` };
    }
  }
}

export function ofSizes({ folders, files, medianLines }: Sizes, limits: SizeLimits): (Finding | Violation)[] {
  const { filesMax, linesMax, medianLinesMax } = limits;
  const median = {
    file: '.',
    line: 0,
    why: `the median source file has ${medianLines} lines, more than ${medianLinesMax}`,
  };
  return [
    ...folders.map(({ folder, files: count }): Finding => {
      const why = `holds ${count} source files on one level, more than ${filesMax}: give families a folder of their own`;
      return { file: folder, line: 0, why, part: 'tooLarge', key: folder };
    }),
    ...files.map(({ file, lines }): Finding => {
      return {
        file,
        line: linesMax + 1,
        why: `has ${lines} lines, more than ${linesMax}`,
        part: 'tooLarge',
        key: file,
      };
    }),
    ...(medianLines > medianLinesMax ? [median] : []),
  ];
}

/** What is left when the known findings are taken away, and one violation for every entry that nothing needs any more. */
export function beyondKnown(findings: readonly (Finding | Violation)[], known: Known): Violation[] {
  const keyed = findings.filter((one): one is Finding => 'part' in one);
  const unknown = findings.filter((one) => !('part' in one && known[one.part].includes(one.key)));
  const parts = Object.keys(known) as (keyof Known)[];
  const spent = parts.flatMap((part) =>
    known[part]
      .filter((key) => !keyed.some((one) => one.part === part && one.key === key))
      .map((key) => ({ part, key })),
  );
  return [
    ...unknown.map(({ file, line, why }) => ({ file, line, why })),
    ...spent.map(({ part, key }) => {
      const why = `still lists "${key}" under ${part}, which is mended: take the entry away`;
      return { file: 'tools/checks/arrows/known.ts', line: 0, why };
    }),
  ];
}

function isAtOrBelow(file: string, place: string): boolean {
  return file === place || file.startsWith(`${place}/`);
}

/** Whether an arrow parts at a top folder (or above it) rather than inside one of its rooms. */
export function isBetweenRooms({ folder }: Pick<Circle, 'folder'>): boolean {
  return !folder.includes('/');
}
