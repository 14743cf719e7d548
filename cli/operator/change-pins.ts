import { readCredentials } from '../../coordinator/identity/operator-credentials.ts';
import type { FederationId, TrackId } from '../../proto/ids.ts';
import type { Pin, Pins } from '../../proto/release/catalogue.ts';
import { keyIdOf } from '../../proto/release/key-id.ts';
import { isInForce } from '../../proto/release/legality.ts';
import { signPins } from '../../proto/release/sign.ts';
import { exitWith, orExit } from '../exit.ts';
import { readRoot, writeNew } from '../root/files.ts';
import { jsonLine } from '../table.ts';
import { type OperatorOptions, withConnection } from './connection.ts';
import { showChange } from './moves.ts';
import { pages } from './pages.ts';
import { pinEffects } from './pin-effects.ts';
import { pinKeyOf } from './pin-key.ts';
import { type TrustedReleases, trustedReleases } from './release-trust.ts';

type ChangeOptions = OperatorOptions &
  Readonly<{
    reason: string;
    dryRun?: boolean | undefined;
    validDays: string;
    /** A new file that gets the signed set instead of the coordinator: for a root that comes with it. */
    out?: string | undefined;
    /** That root's file: its keys have to sign, not those of the root in force. */
    under?: string | undefined;
  }>;

/** The pins that shall be, of those that are; `sentence` says what becomes different. */
export type PinChange = Readonly<{
  track: TrackId;
  pins: readonly Pin[];
  sentence: string;
  facts: Readonly<Record<string, unknown>>;
}>;

const dayMs = 86_400_000;

/**
 * Changes the signed set of pins: verifies the present one, changes it, signs the next version with the operator's own
 * key, proposes it. A dry run signs nothing, so that nothing exists that could be put in force behind the operator's
 * back. Pins that have ended are left out of the new set.
 */
export async function changePins(
  options: ChangeOptions,
  change: (releases: TrustedReleases, by: string, nowMs: number) => PinChange,
): Promise<void> {
  const own = orExit(await readCredentials(options.credentials));
  const key = orExit(pinKeyOf(own));
  const validMs = Number(options.validDays) * dayMs;
  if (!(validMs >= dayMs && validMs <= 3_660 * dayMs)) {
    exitWith({ code: 'USAGE', message: `--valid-days: expected 1 to 3660, got ${options.validDays}` });
  }
  await withConnection(options, async (connection) => {
    const releases = await trustedReleases(connection, options.credentials, own);
    const root = options.under === undefined ? releases.root : readRoot(options.under).root;
    const ids = root.roles.pins.publicKeys.map(keyIdOf);
    if (!ids.includes(keyIdOf(key.publicKey))) {
      exitWith({
        code: 'PIN_KEY_UNKNOWN',
        message: `root ${root.version} does not name ${own.name}'s key for pins; have \`testudo pins key\`'s output rotated into root`,
      });
    }
    const nowMs = Date.now();
    const { track, pins, sentence, facts } = change(releases, own.name, nowMs);
    const next: Pins = {
      version: releases.pins.version + 1,
      expiresAtMs: Math.floor((nowMs + validMs) / 1000) * 1000,
      pins: pins.filter((pin) => isInForce(pin, nowMs)),
    };
    const { client } = connection;
    const clusters = await pages(
      (page) => connection.call(client.listClusters, { page }),
      (answer) => answer.clusters,
    );
    const effects = pinEffects(clusters, track, releases.catalogue, releases.pins, next, nowMs);
    if (options.dryRun) return showChange(options, `${sentence}: pins version ${next.version}`, effects, facts);
    const document = signPins(next, own.federation as FederationId, [key]);
    if (options.out !== undefined) {
      writeNew(options.out, document);
      console.log(`${sentence}: pins version ${next.version}, signed by ${own.name}, is in ${options.out}`);
      return;
    }
    const { reason } = options;
    const answer = await connection.call(client.proposePins, { document, reason, dryRun: false });
    const { threshold } = releases.root.roles.pins;
    const set = { pinsVersion: next.version, pending: answer.pending, signers: answer.signers, threshold };
    const change_ = { ...effects, sequence: answer.change?.sequence ?? 0n };
    if (answer.pending) {
      const wait = `signed by ${answer.signers.length} of ${threshold}: \`testudo pins sign\` by another operator puts it in force`;
      if (options.json) console.log(jsonLine({ ...facts, ...set, movedCount: 0, moves: [] }));
      else console.log(`${sentence}: pins version ${next.version} waits (${wait})`);
      return;
    }
    showChange(options, `${sentence}: pins version ${next.version} is in force`, change_, { ...facts, ...set });
  });
}
