import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import type { State } from '../ledger/state/state.ts';
import type { RoundPhase } from '../round/phase.ts';
import { tempDir } from './temp-dir.ts';

/** What the build of commit 4e41310 stored, and what it read from it: fixtures/README.md. */
const herd = fileURLToPath(new URL('./fixtures/herd-4e41310', import.meta.url));

/** A copy of the coordinator's folder, with the modes that it was stored with. */
export function unpackHerd(): string {
  return unpack(`${herd}.tar.gz`, 'herd');
}

/** What the old build read, for people to read too. */
export const expected = JSON.parse(readFileSync(`${herd}.expected.json`, 'utf8'));

/** The whole state as the old build folded it, in the shape of a snapshot. */
export const expectedState = JSON.parse(gunzipSync(readFileSync(`${herd}.state.json.gz`)).toString('utf8'));

/** A copy of a folder in an archive. */
export function unpack(archive: string, folder: string): string {
  const parent = tempDir();
  // Extracted by root, files would else belong to whoever packed them.
  execFileSync('tar', [
    '--extract',
    '--gzip',
    '--preserve-permissions',
    '--no-same-owner',
    '-f',
    archive,
    '-C',
    parent,
  ]);
  return join(parent, folder);
}

/** What people ask of each track, in the words of `expected.tracks`. */
export function tracksOf({ tracks }: State) {
  return Object.fromEntries(
    [...tracks.values()].map(({ track, headVersion, models, rounds, releasing }) => {
      const { floor, revoked } = releasing;
      const channels = Object.entries(releasing.channels).map(([name, { version }]) => [name, version]);
      const gates = Object.values(releasing.gates).map(({ version, decision }) => [
        version,
        decision === null ? 'open' : `${decision.decision} by ${decision.by}`,
      ]);
      return [
        track,
        {
          headVersion,
          models: models.map(({ digest }) => digest),
          rounds: Object.fromEntries([...rounds.values()].map(({ round, phase }) => [round, phaseText(phase)])),
          releases: releasing.releases.map(({ version, manifestDigest, retired }) => ({
            version,
            manifestDigest,
            retired,
          })),
          channels: Object.fromEntries(channels),
          gates: Object.fromEntries(gates),
          floor,
          revoked,
        },
      ];
    }),
  );
}

function phaseText(phase: RoundPhase): string {
  if (phase.kind === 'candidate') return `candidate ${phase.candidate.version}`;
  if (phase.kind === 'abandoned') return `abandoned: ${phase.reason}`;
  return 'cohort' in phase ? `${phase.kind}: ${phase.accepted.length} of ${phase.cohort.length}` : phase.kind;
}
