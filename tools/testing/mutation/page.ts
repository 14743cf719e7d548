import { type FileResult, type RoomResult, scoreOf } from './record.ts';

/** docs/benchmarks/mutants.md. */
export function mutantsPage(rooms: readonly RoomResult[], strykerVersion: string): string {
  return `# Mutants: what the tests of a room would let pass

Written by \`npm run campaign:mutants -- ROOM\`. Each expression of a room's sources is changed in every way that Stryker
${strykerVersion} knows (its instrumenter makes all mutants at once, each behind a switch), and each test that reaches a mutant is run with
it, in one process (\`tools/testing/mutation/\`). Killed: a test of the room's own failed, hung or ran on without an end. Survived: all of
them passed that cost up to 2.5 s, or none reaches it. Explained: read, and found to change nothing that anybody could see. The score counts killed
among all; mutants that act while a module is loaded are not asked. What stands here held on the day beside it.

| room | tests | mutants | killed | survived | of them explained | score | day |
| --- | --- | --- | --- | --- | --- | --- | --- |
${rooms.map(roomLine).join('\n')}
${rooms.map(roomPart).join('')}`;
}

function roomLine({ room, tests, files, day }: RoomResult): string {
  const { killed, survived, explained } = sums(files);
  const score = `${scoreOf(files, 'as survivors').toFixed(1)} %`;
  return `| ${room} | ${tests} | ${killed + survived} | ${killed} | ${survived} | ${explained} | ${score} | ${day} |`;
}

function roomPart({ room, files }: RoomResult): string {
  const rows = files.map((file) => {
    const { killed, survived, explained } = sums([file]);
    return `| ${file.file} | ${killed + survived} | ${killed} | ${survived} | ${explained} | ${file.static} |`;
  });
  const reasons = new Map<string, string[]>();
  for (const { file, survivors } of files) {
    for (const { line, why } of survivors) {
      if (why === undefined) continue;
      const key = `${file}: ${why}`;
      reasons.set(key, [...(reasons.get(key) ?? []), String(line)]);
    }
  }
  const explained = [...reasons].map(
    ([key, lines]) => `- ${key} (line ${[...new Set(lines)].join(', ')}; ${lines.length})`,
  );
  return `
## ${room}

| file | mutants | killed | survived | of them explained | not asked |
| --- | --- | --- | --- | --- | --- |
${rows.join('\n')}
${explained.length === 0 ? '' : `\nExplained:\n\n${explained.join('\n')}\n`}`;
}

function sums(files: readonly FileResult[]) {
  const survivors = files.flatMap((file) => file.survivors);
  return {
    killed: files.reduce((sum, { killed }) => sum + killed, 0),
    survived: survivors.length,
    explained: survivors.filter(({ why }) => why !== undefined).length,
  };
}
