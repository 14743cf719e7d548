import type { Arrow } from './reading.ts';

/** The rooms of one folder, lowest first; rooms of one inner list know nothing of each other. */
export type Order = readonly (string | readonly string[])[];

/** An import that goes up, or a list of rooms that is not about the rooms that are there. */
export type OutOfOrder =
  | Readonly<{ kind: 'upwards'; from: string; to: string; arrow: Arrow }>
  | Readonly<{ kind: 'unlisted'; room: string }>
  | Readonly<{ kind: 'absent'; room: string }>;

/** Holds the modules of a folder to the order of its rooms; one finding for each pair of rooms. */
export function outOfOrder(
  folder: string,
  order: Order,
  files: readonly string[],
  arrows: readonly Arrow[],
): OutOfOrder[] {
  const places = new Map(order.flatMap((rooms, place) => [rooms].flat().map((room) => [room, place] as const)));
  const inside = files.filter((file) => file.startsWith(`${folder}/`));
  const present = new Map(inside.map((file) => [file.slice(folder.length + 1).split('/')[0] ?? '', file]));
  const found: OutOfOrder[] = [];
  for (const room of places.keys()) if (!present.has(room)) found.push({ kind: 'absent', room: `${folder}/${room}` });
  for (const [room, file] of present) {
    const isFolder = file !== `${folder}/${room}`;
    if (isFolder && !places.has(room)) found.push({ kind: 'unlisted', room: `${folder}/${room}` });
  }
  const seen = new Set<string>();
  for (const arrow of arrows) {
    const [from, to] = [childOf(folder, arrow.from), childOf(folder, arrow.to)];
    if (from === undefined || to === undefined || from === to || seen.has(`${from} ${to}`)) continue;
    const [above, below] = [places.get(from), places.get(to)];
    // Files that no list names stand above all rooms; which of them is higher, the search for circles says.
    if (above === undefined || (below !== undefined && below < above)) continue;
    seen.add(`${from} ${to}`);
    found.push({ kind: 'upwards', from: `${folder}/${from}`, to: `${folder}/${to}`, arrow });
  }
  return found;
}

/** The file or sub-folder of `folder` that a module lies in; undefined for a module of another folder. */
function childOf(folder: string, file: string): string | undefined {
  return file.startsWith(`${folder}/`) ? file.slice(folder.length + 1).split('/')[0] : undefined;
}
