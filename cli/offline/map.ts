import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Command } from '@commander-js/extra-typings';
import Database from 'better-sqlite3';
import { jsonLine } from '../../base/text/table.ts';
import { ExampleBuffer } from '../../client/learning/example-buffer.ts';
import { loadDataKey } from '../../client/storage/data-key.ts';
import { writeLines } from '../../client/tracks/score-lines.ts';
import { importTrackKind, moduleOfKind } from '../../client/tracks/track-kinds.ts';
import { openToRead } from '../../coordinator/ledger/journal/open-to-read.ts';
import { exitWith, orExit, usage } from '../exit.ts';
import { complain, print } from '../print.ts';
import { addKindOptions, chooseKind, settled } from './kind-options.ts';
import { refuseOverwriting } from './overwriting.ts';

/** `testudo map`: what there is in a cluster, as its own traffic shows it. */
export function mapCommand() {
  const command = new Command('map')
    .description('show workloads, who calls whom and with which templates, what is open and what is new; no values')
    .option('--input <file...>', 'recorded requests')
    .option('--data <folder>', "a client's data directory: what its buffer of the track holds")
    .option('--track-id <id>', 'the track in that directory; named like its kind unless given')
    .option('--key <file>', 'the data key, where it does not lie in that directory')
    .option('--svg <file>', 'a picture beside it')
    .option('--json', 'one JSON object instead of tables')
    .action(async ({ input: inputs = [], data, trackId, key, svg, json }) => {
      if (inputs.length === 0 && data === undefined)
        usage('map: name files with --input, or a client’s folder with --data');
      if (svg !== undefined) refuseOverwriting(svg, inputs, '--svg');
      const { kind, operation, settings } = chooseKind(command, 'map');
      const examples = data === undefined ? [] : await examplesOf(data, { kind: kind.named, trackId, key });
      const { report, svg: picture } = settled(await operation.run({ inputs, examples, complain, settings }));
      if (svg !== undefined) orExit(await writeLines([picture], svg));
      print(json ? jsonLine(report.detail) : report.text);
    });
  addKindOptions(command, 'map');
  return command;
}

/** What a client's buffer holds of normal examples; the client may be running. */
async function examplesOf(
  data: string,
  { kind, trackId = kind, key }: Readonly<{ kind: string; trackId: string | undefined; key: string | undefined }>,
): Promise<readonly unknown[]> {
  const path = join(data, 'examples', `${trackId}.db`);
  if (!existsSync(path)) usage(`--data: ${path} is not there; --track-id says what the track is called in that client`);
  const keyFile = key ?? join(data, 'data.key');
  const dataKey = orExit(await loadDataKey({ kind: 'file', path: keyFile }, data));
  const { examples: codec } = await importTrackKind(moduleOfKind(/[/\\]/.test(kind) ? resolve(kind) : kind) as string);
  try {
    const { db, close } = openToRead(path); // It may lie where nothing can be written.
    try {
      const { examples, unreadable } = ExampleBuffer.toRead(db, dataKey, codec).read(['reservoir', 'recent', 'hard']);
      if (unreadable > 0) complain(`${path}: ${unreadable} records do not open with ${keyFile}`);
      return examples;
    } finally {
      close();
    }
  } catch (error) {
    if (!(error instanceof Database.SqliteError)) throw error;
    return exitWith({
      code: 'BUFFER_UNUSABLE',
      message: `${path} is not usable as an example buffer (${error.code}): is it a client's, and whole?`,
    });
  }
}
