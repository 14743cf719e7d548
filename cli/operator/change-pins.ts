import { setTimeout } from 'node:timers/promises';
import { decimalOf } from '../../base/text/number.ts';
import { time } from '../../base/text/table.ts';
import { type OperatorCredentials, readCredentials } from '../../coordinator/keys/operator-credentials.ts';
import type { FederationId, TrackId } from '../../proto/ids.ts';
import type { AntibodyPin, Pin, Pins, Subject } from '../../proto/release/documents/catalogue.ts';
import { keyIdOf } from '../../proto/release/documents/key-id.ts';
import { isInForce } from '../../proto/release/legality.ts';
import { signPins } from '../../proto/release/sign.ts';
import { exitWith, orExit, usage } from '../exit.ts';
import { complain, print } from '../print.ts';
import { versionFrom } from './arguments.ts';
import { type OperatorConnection, type OperatorOptions, withConnection } from './connection.ts';
import { allClusters, refuseUnknownSubject, warnOfRevoked } from './known-names.ts';
import { showChange } from './moves.ts';
import { pinEffects } from './pin-effects.ts';
import { pinKeyOf } from './pin-key.ts';
import { proposalName } from './proposal-name.ts';
import { type TrustedReleases, trustedReleases } from './release-trust.ts';
import { readRoot, writeNew } from './root-files.ts';

type ChangeOptions = OperatorOptions &
  Readonly<{
    reason: string;
    dryRun?: boolean | undefined;
    validDays: string;
    /** A new file that gets the signed set instead of the coordinator: for a root that comes with it. */
    out?: string | undefined;
    /** The coordinator came out of a backup: agents, and this operator, have seen newer pins than it serves. */
    afterRestore?: string | boolean | undefined;
    /** That root's file: its keys have to sign, not those of the root in force. */
    under?: string | undefined;
  }>;

/** The pins that shall be, of those that are; `sentence` says what becomes different. */
export type PinChange = Readonly<{
  /** Whose moves are shown; undefined while there is no track: then nothing can move. */
  track: TrackId | undefined;
  pins: readonly Pin[];
  /** Those of antibodies; as they are unless given. */
  antibodies?: readonly AntibodyPin[] | undefined;
  /** The response policy that shall stand beside them: as it is unless given; null for none. */
  response?: Pins['response'] | null;
  sentence: string;
  /** A member must be called so, or carry that label; undefined where nobody need to. */
  whom?: Subject | undefined;
  facts: Readonly<Record<string, unknown>>;
}>;

const dayMs = 86_400_000;
const versionsAtOnceMax = 10_000;
/** Signing follows at once; it is waited for 5 s. */
const servedLooks = 20;
const servedLookMs = 250;

/**
 * Changes the signed set of pins: verifies the present one, changes it, signs the next version with the operator's own
 * key, proposes it. A dry run signs nothing, so that nothing exists that could be put in force behind the operator's
 * back. Pins that have ended are left out of the new set.
 */
export async function changePins(
  options: ChangeOptions,
  change: (
    releases: TrustedReleases,
    by: string,
    nowMs: number,
    connection: OperatorConnection,
  ) => PinChange | Promise<PinChange>,
): Promise<void> {
  const validMs = decimalOf(options.validDays) * dayMs;
  if (!(validMs >= dayMs && validMs <= 3_660 * dayMs)) {
    usage(`--valid-days: expected 1 to 3660, got ${options.validDays}`);
  }
  const elsewhere = seenElsewhere(options.afterRestore);
  const own = orExit(await readCredentials(options.credentials));
  const key = orExit(pinKeyOf(own));
  await withConnection(options, async (connection) => {
    const releases = await trustedReleases(connection, options.credentials, own, options);
    const root = options.under === undefined ? releases.root : readRoot(options.under).root;
    const ids = root.roles.pins.publicKeys.map(keyIdOf);
    if (!ids.includes(keyIdOf(key.publicKey))) {
      exitWith({
        code: 'PIN_KEY_UNKNOWN',
        message: `root ${root.version} does not name ${own.name}'s key for pins; have \`testudo pins key\`'s output rotated into root`,
      });
    }
    const nowMs = Date.now();
    const changed = await change(releases, own.name, nowMs, connection);
    const { track, pins, response = releases.pins.response, sentence, facts } = changed;
    const { antibodies = releases.pins.antibodies ?? [] } = changed;
    const left = leftOutText([...pins, ...antibodies], nowMs);
    if (left !== undefined) complain(left);
    let next: Pins = {
      version: releases.pins.version + 1,
      expiresAtMs: Math.floor((nowMs + validMs) / 1000) * 1000,
      pins: pins.filter((pin) => isInForce(pin, nowMs)),
      antibodies: antibodies.filter((pin) => isInForce(pin, nowMs)),
      ...(response !== null && response !== undefined && { response }),
    };
    const { client } = connection;
    const clusters = await allClusters(connection);
    if (changed.whom !== undefined) {
      refuseUnknownSubject(clusters, changed.whom);
      warnOfRevoked(clusters, changed.whom);
    }
    const effects = pinEffects(clusters, track, releases.catalogue, releases.pins, next, nowMs);
    const { threshold } = releases.root.roles.pins;
    if (options.out === undefined) await tellOfReplaced(connection);
    if (options.dryRun) {
      const set = { pinsVersion: next.version, pending: threshold > 1, signers: [], threshold };
      return showChange(options, `${sentence}: pins version ${next.version}`, effects, { ...facts, ...set });
    }
    const sign = (version: number) => signPins({ ...next, version }, own.federation as FederationId, [key]);
    // One version after the other until agents take it for news: a coordinator lets none be left out.
    const seen = Math.max(releases.pinsSeen, elsewhere);
    for (; options.out === undefined && next.version <= seen; next = { ...next, version: next.version + 1 }) {
      const request = { document: sign(next.version), reason: options.reason, dryRun: false };
      const { pending } = await connection.call(client.proposePins, request);
      if (pending) break;
      connection.halfWay({
        done: `pins version ${next.version} of ${seen + 1} is in force`,
        rest: `\`testudo pins renew --after-restore ${seen} --reason …\` goes on from there`,
      });
    }
    const document = sign(next.version);
    if (options.out !== undefined) {
      writeNew(options.out, document);
      const signers = [keyIdOf(key.publicKey)];
      const set = { pinsVersion: next.version, pending: true, signers, threshold, file: options.out };
      if (options.json) return showChange(options, '', effects, { ...facts, ...set });
      return print(`${sentence}: pins version ${next.version}, signed by ${own.name}, is in ${options.out}`);
    }
    const { reason } = options;
    const answer = await connection.call(client.proposePins, { document, reason, dryRun: false });
    const set = { pinsVersion: next.version, pending: answer.pending, signers: answer.signers, threshold };
    const change_ = { ...effects, sequence: answer.change?.sequence ?? 0n };
    if (answer.pending) {
      const wait = `signed by ${answer.signers.length} of ${threshold}: \`testudo pins sign\` by another operator puts it in force`;
      if (options.json) showChange(options, '', change_, { ...facts, ...set });
      else print(`${sentence}: pins version ${next.version} waits (${wait})`);
      return;
    }
    connection.halfWay({
      done: `${sentence}: pins version ${next.version} is in force (journal ${change_.sequence})`,
      rest: 'Do not repeat it: `testudo pins list` shows it once it is signed',
    });
    await untilServed(connection, options.credentials, own, next.version);
    showChange(options, `${sentence}: pins version ${next.version} is in force`, change_, { ...facts, ...set });
  });
}

/** Which pins a new set leaves out, for they have ended: a clock that is ahead would take some that have not. */
export function leftOutText(pins: readonly (Pin | AntibodyPin)[], nowMs: number): string | undefined {
  const ended = pins.filter((pin) => !isInForce(pin, nowMs));
  if (ended.length === 0) return undefined;
  const named = ended.map(({ pinId, untilMs }) => `${pinId} (until ${time(untilMs ?? 0)})`).join(', ');
  return `left out, for by this machine's clock they have ended: pin ${named}`;
}

/** A set that waits for signatures was made from what is in force, as this one is: only one of them can follow. */
async function tellOfReplaced(connection: OperatorConnection): Promise<void> {
  const { pending } = await connection.call(connection.client.listPins, {});
  if (pending === undefined) return;
  const { document, signers, threshold } = pending;
  const waits = `${proposalName(document)}, signed by ${signers.length} of ${threshold}`;
  complain(`this replaces the set that waits (${waits}): what that changes has to be proposed again afterwards`);
}

/** The newest version of pins that some agent has seen, as who restores a backup may know it; 0 where it was not said. */
function seenElsewhere(afterRestore: string | boolean | undefined): number {
  if (typeof afterRestore !== 'string') return 0;
  const version = versionFrom(afterRestore);
  return version <= versionsAtOnceMax ? version : usage(`--after-restore: at most ${versionsAtOnceMax}`);
}

/** Until the set that holds these pins is signed and served: from then on this operator will take nothing older. */
async function untilServed(
  connection: OperatorConnection,
  credentials: string,
  own: OperatorCredentials,
  version: number,
): Promise<void> {
  for (let looks = 0; looks < servedLooks; looks++) {
    const { pins } = await trustedReleases(connection, credentials, own);
    if (pins.version >= version) return;
    await setTimeout(servedLookMs);
  }
  complain(`pins version ${version} is journalled; the coordinator has not signed the set with it yet`);
}
