import { Command } from '@commander-js/extra-typings';
import { listing, shortDigest, table, time } from '../../base/text/table.ts';
import type {
  ClusterInstall,
  GetReleaseResponse,
  Release,
  ReleaseBreaker,
} from '../../proto/generated/testudo/v1/operator_releases.ts';
import { InstallOutcome } from '../../proto/generated/testudo/v1/releases.ts';
import type { ReleaseManifest } from '../../proto/release/documents/manifest.ts';
import { wireJson } from '../json/wire-json.ts';
import { releaseFrom } from '../operator/arguments.ts';
import { withConnection } from '../operator/connection.ts';
import { showChange } from '../operator/moves.ts';
import { operatorCommand, triableCommand } from '../operator/options.ts';
import { createdColumn, releaseListCommand, roundColumn, versionColumn } from '../operator/release-list.ts';
import { print } from '../print.ts';
import { exportCommand, importCommand } from './release-file.ts';

/** `testudo releases`: what there is, what it is made of, who runs it. */
export function releasesCommand() {
  return new Command('releases')
    .description('releases: list, show, revoke, export, import')
    .addCommand(list())
    .addCommand(show())
    .addCommand(revoke())
    .addCommand(exportCommand())
    .addCommand(importCommand());
}

function list() {
  return releaseListCommand('list', 'releases of a track, newest first', [
    versionColumn,
    { title: 'MANIFEST', text: ({ manifestDigest }) => shortDigest(manifestDigest) },
    roundColumn,
    createdColumn,
    { title: 'BYTES', text: ({ sizeBytes }) => String(sizeBytes), align: 'right' },
    { title: 'CHANNELS', text: ({ channels }) => channels.join(', ') },
    { title: 'LIVE', text: ({ liveCount }) => String(liveCount), align: 'right' },
    { title: 'SHADOW', text: ({ shadowCount }) => String(shadowCount), align: 'right' },
    { title: 'STATE', text: stateText },
  ]);
}

function stateText({ manifestDigest, revoked, belowFloor, removed }: Release): string {
  if (manifestDigest === '') return 'not released';
  const states = [revoked && 'revoked', removed && 'files removed', belowFloor && 'below the floor'];
  return states.filter((state) => state !== false).join(', ');
}

function show() {
  return operatorCommand(
    'show',
    'one release: its files, where it comes from, and every cluster that runs or shall run it',
  )
    .argument('<track@version>')
    .action((name, options) => {
      const { track, version } = releaseFrom(name);
      return withConnection(options, async (connection) => {
        const request = { track, version: BigInt(version) };
        const answer = await connection.call(connection.client.getRelease, request);
        if (options.json) print(wireJson({ ...answer, manifestJson: JSON.parse(answer.manifestJson) }));
        else print(releaseText(answer));
      });
    });
}

function releaseText({ release, manifestJson, installs, breakers }: GetReleaseResponse): string {
  if (release === undefined) return '';
  const manifest = JSON.parse(manifestJson) as ReleaseManifest;
  const facts = listing({
    release: `${manifest.track}@${manifest.version}`,
    manifest: release.manifestDigest,
    base: manifest.base === null ? '' : `version ${manifest.base.version}, ${manifest.base.digest}`,
    round: manifest.round ?? '',
    created: time(manifest.createdAtMs),
    build: manifest.build,
    channels: release.channels.join(', '),
    state: stateText(release),
  });
  const files = table<ReleaseManifest['files'][number]>(manifest.files, [
    { title: 'FILE', text: ({ name }) => name },
    { title: 'BYTES', text: ({ bytes }) => String(bytes), align: 'right' },
    { title: 'DIGEST', text: ({ digest }) => digest },
  ]);
  const clusters = table<ClusterInstall>(installs, [
    { title: 'CLUSTER', text: ({ cluster }) => cluster },
    { title: 'SHALL RUN', text: ({ wanted }) => String(wanted ?? '-'), align: 'right' },
    { title: 'IN SHADOW', text: ({ wantedShadow }) => String(wantedShadow ?? '-'), align: 'right' },
    { title: 'DECIDED BY', text: ({ because }) => because },
    { title: 'ITS AGENT SAID', text: outcomeText },
    { title: 'AT', text: ({ atMs }) => time(atMs) },
  ]);
  const stopped = table<ReleaseBreaker>(breakers, [
    { title: 'BREAKER OPEN IN', text: ({ cluster }) => cluster },
    { title: 'FLAGGED', text: ({ flaggedPodCount, podCount }) => `${flaggedPodCount} of ${podCount} pods` },
    { title: 'WORKLOADS', text: ({ workloadCount }) => String(workloadCount), align: 'right' },
    { title: 'SINCE', text: ({ atMs }) => time(atMs) },
  ]);
  const parts = [facts, files, clusters, ...(breakers.length === 0 ? [] : [stopped])];
  return parts.join('\n\n');
}

function outcomeText({ outcome, faultCode }: ClusterInstall): string {
  switch (outcome) {
    case InstallOutcome.INSTALL_OUTCOME_INSTALLED:
    case InstallOutcome.INSTALL_OUTCOME_KEPT:
      return 'live';
    case InstallOutcome.INSTALL_OUTCOME_SHADOWING:
      return 'in shadow';
    case InstallOutcome.INSTALL_OUTCOME_REFUSED:
      return `refused: ${faultCode}`;
    default:
      return '';
  }
}

/** What a revocation leaves standing: what was wrong in a version may have been learnt by those that came from it. */
function descendantsText(track: string, version: number, descendants: readonly bigint[]): string {
  if (descendants.length === 0) return `no other version was computed from ${version}`;
  const shown = descendants.slice(0, 20).join(', ');
  const more = descendants.length > 20 ? `, … ${descendants.length} in all` : '';
  return (
    `computed from it, and still allowed to run: ${shown}${more}. They may have learnt what was wrong in it: revoke them ` +
    `too, or let training go on from a version before it (testudo tracks head ${track} VERSION)`
  );
}

function revoke() {
  return triableCommand('revoke', 'forbid a version for ever; channels that point at it move to the newest legal one')
    .argument('<track@version>')
    .action((name, options) => {
      const { track, version } = releaseFrom(name);
      return withConnection(options, async (connection) => {
        const { reason, dryRun = false } = options;
        const request = { track, version: BigInt(version), reason, dryRun };
        const { change, descendants } = await connection.call(connection.client.revokeRelease, request);
        showChange(options, `no agent may run ${track}@${version} any more`, change, { track, version, descendants });
        if (!options.json) print(descendantsText(track, version, descendants));
      });
    });
}
