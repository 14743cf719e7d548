import { Command } from '@commander-js/extra-typings';
import { jsonLine, listing, table, time } from '../../base/text/table.ts';
import { readCredentials, replaceCredentials } from '../../coordinator/keys/operator-credentials.ts';
import type { FederationId } from '../../proto/ids.ts';
import { addSignatures } from '../../proto/release/co-sign.ts';
import type { AntibodyPin, Pin, Pins } from '../../proto/release/documents/catalogue.ts';
import { keyIdOf } from '../../proto/release/documents/key-id.ts';
import { checkPin, isInForce } from '../../proto/release/legality.ts';
import { openPins } from '../../proto/release/open.ts';
import { exitWith, orExit } from '../exit.ts';
import { antibodyHoldText, subjectText, whomText } from '../operator/arguments.ts';
import { changePins } from '../operator/change-pins.ts';
import { type OperatorConnection, withConnection } from '../operator/connection.ts';
import { operatorCommand, triableCommand } from '../operator/options.ts';
import { newPinKey, pinKeyOf, pinKeyPair } from '../operator/pin-key.ts';
import { proposalName, signersOf } from '../operator/proposal-name.ts';
import { type TrustedReleases, trustedReleases } from '../operator/release-trust.ts';
import { responseDifferences } from '../operator/response-text.ts';
import { readText, writeNew } from '../operator/root-files.ts';
import { print } from '../print.ts';

const dayMs = 86_400_000;
const renewWithinMs = 30 * dayMs;

/** `testudo pins`: who is held on what, and whose word it is. */
export function pinsCommand() {
  return new Command('pins')
    .description('pins: list, sign what another operator proposed, renew before they expire, make a key')
    .addCommand(list())
    .addCommand(signPinsCommand())
    .addCommand(renew())
    .addCommand(key());
}

function list() {
  return operatorCommand('list', 'pins in force, verified, and the set that waits for signatures').action((options) =>
    withConnection(options, async (connection) => {
      const own = orExit(await readCredentials(options.credentials));
      const releases = await trustedReleases(connection, options.credentials, own);
      const { inForce, pending } = await connection.call(connection.client.listPins, {});
      const { pins, root, expired } = releases;
      const waiting = pending && orExit(openPins(pending.document, own.federation as FederationId));
      if (options.json) {
        const proposed = pending && { ...waiting, name: proposalName(pending.document), signers: pending.signers };
        const signed = { signers: inForce?.signers, threshold: root.roles.pins.threshold };
        return print(jsonLine({ ...pins, ...signed, expired, pending: proposed }));
      }
      if (root.roles.pins.publicKeys.length === 0) return print('root names no key for pins: there are none');
      const left = pins.expiresAtMs - Date.now();
      print(
        listing({
          version: String(pins.version),
          'good until': `${time(pins.expiresAtMs)}${left < renewWithinMs ? '  (renew it: `testudo pins renew`)' : ''}`,
          'signed by': `${(inForce?.signers ?? []).map(short).join(', ')}  (${root.roles.pins.threshold} needed)`,
          ...(expired === undefined ? {} : { expired: `agents install nothing new: ${expired}` }),
        }),
      );
      print(`\n${pinTable(pins, releases)}`);
      if (waiting === undefined || pending === undefined) return;
      const missing = pending.threshold - pending.signers.length;
      print(
        `\nversion ${waiting.version} waits for ${missing} more signature(s): testudo pins sign ${proposalName(pending.document)}`,
      );
      print(differences(pins, waiting));
    }),
  );
}

function pinTable({ pins, antibodies = [] }: Pins, { catalogue }: TrustedReleases): string {
  const ofVersions = versionTable(pins, catalogue);
  return antibodies.length === 0 ? ofVersions : `${ofVersions}\n\n${antibodyTable(antibodies)}`;
}

function antibodyTable(pins: readonly AntibodyPin[]): string {
  return table<AntibodyPin>(pins, [
    { title: 'PIN', text: ({ pinId }) => pinId },
    { title: 'WHOM', text: ({ subject }) => whomText(subject) },
    { title: 'HELD TO', text: antibodyHoldText },
    { title: 'UNTIL', text: ({ untilMs }) => time(untilMs ?? 0) },
    { title: 'STATE', text: (pin) => (isInForce(pin, Date.now()) ? 'in force' : 'over') },
    { title: 'SET BY', text: ({ setBy }) => setBy },
    { title: 'WHY', text: ({ reason }) => reason },
  ]);
}

function versionTable(pins: readonly Pin[], catalogue: TrustedReleases['catalogue']): string {
  return table<Pin>(pins, [
    { title: 'PIN', text: ({ pinId }) => pinId },
    { title: 'WHOM', text: ({ subject }) => subjectText(subject) },
    { title: 'RELEASE', text: ({ track, version }) => `${track}@${version}` },
    { title: 'UNTIL', text: ({ untilMs }) => time(untilMs ?? 0) },
    { title: 'STATE', text: (pin) => stateOf(pin, catalogue) },
    { title: 'SET BY', text: ({ setBy }) => setBy },
    { title: 'WHY', text: ({ reason }) => reason },
  ]);
}

function stateOf(pin: Pin, catalogue: TrustedReleases['catalogue']): string {
  const checked = checkPin(pin, catalogue, Date.now());
  if (!checked.ok) return `passed over: ${checked.fault.code}`;
  return pin.belowFloor ? 'in force, below the floor' : 'in force';
}

/** What signing the later set would change. */
function differences(before: Pins, after: Pins): string {
  const all = ({ pins, antibodies = [] }: Pins): readonly (Pin | AntibodyPin)[] => [...pins, ...antibodies];
  const ids = (pins: Pins) => new Set(all(pins).map(({ pinId }) => pinId));
  const [had, has] = [ids(before), ids(after)];
  const what = (pin: Pin | AntibodyPin) =>
    'antibody' in pin
      ? `${whomText(pin.subject)} to ${antibodyHoldText(pin)}`
      : `${subjectText(pin.subject)} on ${pin.track}@${pin.version}`;
  const line = (sign: string) => (pin: Pin | AntibodyPin) =>
    `${sign} ${pin.pinId}  ${what(pin)}${pin.untilMs === null ? '' : ` until ${time(pin.untilMs)}`}` +
    `${'belowFloor' in pin && pin.belowFloor ? ', below the floor' : ''}  (${pin.setBy}: ${pin.reason})`;
  const rows = [
    ...all(after)
      .filter(({ pinId }) => !had.has(pinId))
      .map(line('+')),
    ...all(before)
      .filter(({ pinId }) => !has.has(pinId))
      .map(line('-')),
  ];
  const policy = responseDifferences(before.response, after.response);
  return [...rows, ...policy, `  good until ${time(after.expiresAtMs)}`].join('\n');
}

export function signPinsCommand() {
  return triableCommand('sign', "add one's signature to the set that waits, after reading what it changes")
    .argument(
      '<proposal|file>',
      'its name, as `testudo pins list` shows it: what was read is what is signed; or a file',
    )
    .option('--out <file>', 'with a file that `pins renew --out` wrote: a new file, with this signature too')
    .action((name, options) =>
      withConnection(options, async (connection) => {
        const own = orExit(await readCredentials(options.credentials));
        const pair = orExit(pinKeyOf(own));
        const { pins } = await trustedReleases(connection, options.credentials, own);
        const { out } = options;
        const document = out === undefined ? await pendingDocument(connection) : Buffer.from(readText(name));
        if (out === undefined && proposalName(document) !== name) {
          exitWith({
            code: 'PROPOSAL_CHANGED',
            message: `the set that waits is ${proposalName(document)}, not ${name}; read it again`,
          });
        }
        const proposed = orExit(openPins(document, own.federation as FederationId));
        if (!options.json) print(differences(pins, proposed));
        if (options.dryRun) {
          print(options.json ? jsonLine(signedSet(proposed, { dryRun: true })) : 'dry run, nothing was signed');
          return;
        }
        const signed = orExit(addSignatures('pins', document, [pair]));
        if (out !== undefined) {
          writeNew(out, signed);
          if (options.json) return print(jsonLine(signedSet(proposed, { signers: signersOf(signed), file: out })));
          return print(`pins version ${proposed.version}, signed by ${own.name} too, is in ${out}`);
        }
        const { reason } = options;
        const { client } = connection;
        const answer = await connection.call(client.proposePins, { document: signed, reason, dryRun: false });
        const { pending, signers, change } = answer;
        if (options.json) print(jsonLine(signedSet(proposed, { pending, signers, sequence: change?.sequence ?? 0n })));
        else if (pending) print(`pins version ${proposed.version} waits for more signatures; it has ${signers.length}`);
        else print(`pins version ${proposed.version} is in force (journal ${change?.sequence})`);
      }),
    );
}

/** For programs: a set as it is, or would be, with one signature more. */
function signedSet(
  proposed: Pins,
  more: Partial<
    Readonly<{ pending: boolean; signers: readonly string[]; sequence: bigint; dryRun: boolean; file: string }>
  >,
) {
  const { version } = proposed;
  return { version, pending: true, signers: [], sequence: 0n, dryRun: false, ...more, proposed };
}

async function pendingDocument(connection: OperatorConnection): Promise<Uint8Array> {
  const { pending } = await connection.call(connection.client.listPins, {});
  return pending?.document ?? exitWith({ code: 'NO_PROPOSAL', message: 'no set of pins waits for signatures' });
}

function renew() {
  return triableCommand('renew', 'sign the same pins again before their set expires; ended ones are left out')
    .option('--valid-days <count>', 'how long the new set is good', '365')
    .option(
      '--after-restore [version]',
      'the coordinator came out of a backup; the newest pins that anyone has seen since',
    )
    .option('--out <file>', 'write the signed set to a new file, to be published together with a new root')
    .option('--under <file>', 'that root: its keys have to sign, not those of the root in force')
    .action((options) =>
      changePins(options, ({ pins, catalogue }) => {
        const [track] = Object.keys(catalogue.tracks);
        return {
          track: (pins.pins[0]?.track ?? track) as Pin['track'] | undefined,
          pins: pins.pins,
          sentence: `the same pins, good for ${options.validDays} days more`,
          facts: {},
        };
      }),
    );
}

function key() {
  return operatorCommand(
    'key',
    "this operator's key for pins, made if there is none; prints the half that root shall name",
  ).action(async (options) => {
    const own = orExit(await readCredentials(options.credentials));
    const pinKey = own.pinKey ?? newPinKey();
    if (own.pinKey === undefined) await replaceCredentials(options.credentials, { ...own, pinKey });
    const { publicKey } = pinKeyPair(pinKey);
    const shown = { operator: own.name, keyId: keyIdOf(publicKey), publicKey: Buffer.from(publicKey).toString('hex') };
    print(options.json ? jsonLine(shown) : listing(shown));
  });
}

function short(keyId: string): string {
  return keyId.slice(0, 12);
}
