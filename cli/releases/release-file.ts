import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { openAtomic, partialOf, sharedFileMode } from '../../base/atomic-file.ts';
import { readWhole } from '../../base/text/read-whole.ts';
import { jsonLine } from '../../base/text/table.ts';
import type {
  ExportReleaseResponse,
  ImportReleaseRequest,
  ImportReleaseResponse,
} from '../../proto/generated/testudo/v1/operator_releases.ts';
import { chunkBytes } from '../../proto/wire-names.ts';
import { claimFile } from '../claimed-file.ts';
import { exitWith } from '../exit.ts';
import { releaseFrom } from '../operator/arguments.ts';
import { type OperatorConnection, withConnection } from '../operator/connection.ts';
import { showChange } from '../operator/moves.ts';
import { operatorCommand, triableCommand } from '../operator/options.ts';
import { print } from '../print.ts';

/** `testudo releases export`: one file with everything that another coordinator needs to verify it. */
export function exportCommand() {
  return operatorCommand(
    'export',
    'a release as one file: its files, its manifest, and the signed metadata that vouches',
  )
    .argument('<track@version>')
    .requiredOption('--to <file>', 'a new file')
    .action((name, options) => {
      const { track, version } = releaseFrom(name);
      return withConnection(options, async (connection) => {
        claimFile(options.to, 'OUTPUT_EXISTS');
        const { file, ...writing } = await openAtomic(options.to, {
          mode: sharedFileMode,
          temporary: partialOf(options.to),
        });
        const hash = createHash('sha256');
        let bytes = 0;
        try {
          const stream = connection.client.exportRelease({ track, version: BigInt(version) });
          for await (const { chunk } of stream as AsyncIterable<ExportReleaseResponse>) {
            await file.write(chunk);
            hash.update(chunk);
            bytes += chunk.byteLength;
          }
          await writing.commit();
        } catch (error) {
          await writing.abandon();
          connection.failed(error);
        }
        const digest = `sha256:${hash.digest('hex')}`;
        if (options.json) print(jsonLine({ track, version, file: options.to, bytes, digest }));
        else print(`${track}@${version} is in ${options.to}: ${bytes} bytes, ${digest}`);
      });
    });
}

/** `testudo releases import`: verified before anything of it is kept. */
export function importCommand() {
  return triableCommand('import', 'a release from a file that `releases export` wrote, as a version of its track')
    .argument('<file>')
    .option('--trusted-root <file>', "another federation's root, where the release comes from one")
    .action(async (path, options) => {
      await mustBeFile(path);
      return withConnection(options, async (connection) => {
        const { reason, dryRun = false } = options;
        const trustedRoot = options.trustedRoot === undefined ? Buffer.alloc(0) : readWhole(options.trustedRoot);
        const { track, version, change } = await send(connection, { reason, dryRun, trustedRoot }, path);
        showChange(options, `${path} is ${track}@${version}`, change, { track, version });
      });
    });
}

/** Whoever reads a pipe waits for its writer, and cannot end before it: not even when the coordinator has given up. */
async function mustBeFile(path: string): Promise<void> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) =>
    exitWith({ code: 'FILE_REFUSED', message: `${path} cannot be read (${error.code})` }),
  );
  if (!found.isFile())
    exitWith({ code: 'FILE_REFUSED', message: `${path} is no regular file; write it into one first` });
}

/** Settings, then the file in chunks, each waiting until there is room. */
async function send(
  connection: OperatorConnection,
  settings: Extract<NonNullable<ImportReleaseRequest['part']>, { $case: 'settings' }>['value'],
  path: string,
): Promise<ImportReleaseResponse> {
  const { promise, resolve } = Promise.withResolvers<ImportReleaseResponse>();
  let isWhole = false; // Nothing is done before all of it was sent.
  const stream = connection.client.importRelease((error, response) => {
    if (error === null) resolve(response);
    else connection.failed(error, isWhole && !settings.dryRun);
  });
  const write = (part: NonNullable<ImportReleaseRequest['part']>) =>
    new Promise<void>((done) => {
      if (stream.write({ part })) done();
      else stream.once('drain', done);
    });
  await write({ $case: 'settings', value: settings });
  const pieces = createReadStream(path, { highWaterMark: chunkBytes });
  try {
    for await (const piece of pieces) await write({ $case: 'chunk', value: piece as Buffer });
  } catch (error) {
    exitWith({ code: 'FILE_REFUSED', message: `${path} cannot be read (${(error as NodeJS.ErrnoException).code})` });
  }
  isWhole = true;
  stream.end();
  return promise;
}
