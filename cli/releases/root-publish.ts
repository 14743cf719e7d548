import { readWhole } from '../../base/text/read-whole.ts';
import { jsonLine, listing } from '../../base/text/table.ts';
import { exitWith } from '../exit.ts';
import { withConnection } from '../operator/connection.ts';
import { showChange } from '../operator/moves.ts';
import { operatorCommand, triableCommand } from '../operator/options.ts';
import { print } from '../print.ts';

/** `testudo root publish`: the coordinator checks a root that was made offline, and hands it to every agent. */
export function publishRootCommand() {
  return triableCommand(
    'publish',
    'put a new root in force, signed by enough keys of the root before it and of its own',
  )
    .argument('<file>')
    .option('--pins <file>', 'pins signed for this root, where those in force no longer verify under it')
    .action((path, options) =>
      withConnection(options, async (connection) => {
        const { reason, dryRun = false } = options;
        const document = read(path);
        const pins = options.pins === undefined ? Buffer.alloc(0) : read(options.pins);
        const request = { document, pins, reason, dryRun };
        const { version, change } = await connection.call(connection.client.publishRoot, request);
        showChange(options, `root ${version} is sound and ${dryRun ? 'would be' : 'is'} in force`, change, { version });
      }),
    );
}

/** `testudo root keys`: public halves of the coordinator's next keys, for a root that rotates them. */
export function prepareKeysCommand() {
  return operatorCommand(
    'keys',
    "make the coordinator's next keys, and print the halves that a new root shall name",
  ).action((options) =>
    withConnection(options, async (connection) => {
      const keys = await connection.call(connection.client.prepareKeys, {});
      const hex = Object.fromEntries(
        Object.entries(keys).map(([role, key]) => [role, Buffer.from(key).toString('hex')]),
      );
      print(options.json ? jsonLine(hex) : listing(hex));
    }),
  );
}

function read(path: string): Buffer {
  try {
    return readWhole(path);
  } catch (error) {
    return exitWith({
      code: 'FILE_REFUSED',
      message: `${path} cannot be read (${(error as NodeJS.ErrnoException).code})`,
    });
  }
}
