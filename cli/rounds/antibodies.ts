import { Command } from '@commander-js/extra-typings';
import { sharedFileMode, writeFileAtomic } from '../../base/atomic-file.ts';
import { systemTimers } from '../../base/system-timers.ts';
import { decimalOf } from '../../base/text/number.ts';
import { readWhole } from '../../base/text/read-whole.ts';
import { jsonLine, shortDigest, table, time } from '../../base/text/table.ts';
import { distinctAntigens } from '../../client/antibodies/distinct-antigens.ts';
import { makeAntibody } from '../../client/antibodies/make-antibody.ts';
import { confirmedMin } from '../../client/antibodies/panel.ts';
import { defaultKind, importTrackKind, moduleOfKind } from '../../client/tracks/track-kinds.ts';
import { antibodyBytes, lifetimeDaysMax, readAntibody } from '../../proto/antibody.ts';
import type { KnownAntibody } from '../../proto/generated/testudo/v1/operator_rounds.ts';
import { isClusterId, isFederationId, isTrackId } from '../../proto/ids.ts';
import { exitWith, orExit, usage } from '../exit.ts';
import { wireJson } from '../json/wire-json.ts';
import { withConnection } from '../operator/connection.ts';
import { allClusters } from '../operator/known-names.ts';
import { changingCommand, operatorCommand } from '../operator/options.ts';
import { complain, print } from '../print.ts';
import { namedAntibody } from './named-antibody.ts';
import { pinAntibodyCommand } from './pin-antibody.ts';

const dayMs = 24 * 3_600_000;

/** `testudo antibodies`: what one cluster confirmed of an attack, for all of them. */
export function antibodiesCommand() {
  return new Command('antibodies')
    .description('what one cluster confirmed of an attack: make, put, list, pin and revoke antibodies')
    .addCommand(make())
    .addCommand(put())
    .addCommand(list())
    .addCommand(pinAntibodyCommand())
    .addCommand(revoke());
}

function make() {
  return new Command('make')
    .description('make an antibody of confirmed attacks, against what is normal in this cluster; needs no coordinator')
    .requiredOption('--federation <name>', 'the federation that it is for')
    .requiredOption('--cluster <name>', 'the cluster in which the attack was confirmed')
    .requiredOption('--family <name>', 'which attack class of the file, as it names them')
    .requiredOption('--attacks <file>', "attacks, as the kind's attack sets have them")
    .requiredOption('--normal <file>', 'normal examples of the same cluster, as a file of the same kind')
    .requiredOption('--out <file>', 'where to write it')
    .option('--track <name>', 'the track that it is for', defaultKind)
    .option('--kind <name>', 'kind of that track', defaultKind)
    .option('--days <n>', 'days until it expires', '180')
    .option('--json', 'as JSON')
    .action(async ({ federation, cluster, family, attacks, normal, out, track, kind: name, days, json }) => {
      if (!isFederationId(federation)) usage('--federation: not a legal federation id');
      if (!isClusterId(cluster)) usage('--cluster: not a legal cluster id');
      if (!isTrackId(track)) usage('--track: not a legal track id');
      const lifetimeDays = decimalOf(days);
      if (!(lifetimeDays > 0 && lifetimeDays <= lifetimeDaysMax)) usage(`--days: above 0, at most ${lifetimeDaysMax}`);
      const module = moduleOfKind(name);
      const kind = module === undefined ? undefined : await importTrackKind(module);
      const { antigens, readCases, readNormal } = kind ?? {};
      if (antigens === undefined || readCases === undefined || readNormal === undefined) {
        return usage(`--kind: no kind of track with antibodies is called ${name}`);
      }
      const classes = orExit(await readCases(attacks));
      const confirmed = classes.get(family) ?? [];
      if (confirmed.length === 0) {
        const known = [...classes.keys()].sort().join(', ') || 'none';
        return exitWith({
          code: 'FAMILY_NOT_FOUND',
          message: `${attacks} has no attack called ${family}; it has: ${known}`,
        });
      }
      const usual = orExit(await readNormal(normal));
      const madeAtMs = systemTimers.now();
      const head = {
        federation,
        track,
        cluster,
        family,
        madeAtMs,
        expiresAtMs: madeAtMs + Math.max(1, Math.round(lifetimeDays * dayMs)),
      };
      const of = (examples: readonly unknown[]) => distinctAntigens(examples.map((one) => antigens(one, 0)));
      const antibody = makeAntibody(head, of(confirmed), of(usual));
      if (antibody === undefined) {
        return exitWith({
          code: 'LOOKS_NORMAL',
          message: `nothing tells ${family} from the normal examples; no antibody`,
        });
      }
      await writeFileAtomic(out, antibodyBytes(antibody), { mode: sharedFileMode });
      const { features, examples } = antibody;
      if (examples < confirmedMin) complain(fewExamples(examples));
      if (json) return print(jsonLine({ file: out, family, features: features.length, examples }));
      print(`${out}: ${features.length} features of ${examples} distinct examples of ${family}`);
    });
}

/** No cluster says so before a release brought it there. */
const fewExamples = (examples: number) =>
  `warning: clusters do not use an antibody of fewer than ${confirmedMin} distinct examples, and this one is of ${examples}: confirm more of them`;

const isInForce = (one: KnownAntibody) => stateOf(one) === 'in force';

/** By this machine's clock, as the dashboard does. */
function stateOf({ revoked, expiresAtMs }: KnownAntibody): string {
  if (revoked !== '') return `revoked: ${revoked}`;
  return Number(expiresAtMs) <= systemTimers.now() ? 'expired' : 'in force';
}

const pinLine = (track: string, digest: string, how = '') =>
  `testudo antibodies pin ${track} ${shortDigest(digest)}${how} --reason WHY`;

/** A client makes its antibody anew with every alert that is confirmed, and all that are in force share what they may flag. */
const besideIt = (track: string, { family, cluster, digest, examples }: KnownAntibody) =>
  `warning: another ${family} of ${cluster}, of ${examples} examples, stays in force beside it, and what one may flag of normal work the other may not; ` +
  `if this one takes its place: testudo antibodies revoke ${track} ${shortDigest(digest)} --reason WHY`;

/** Alerts name it in every cluster. One of a relay's region is no member here. */
const ofNobody = (cluster: string) =>
  `warning: no member is called ${cluster}, in which it says that the attack was confirmed: was the file handed to you by whom you think?`;

function put() {
  return changingCommand('put', 'put an antibody in force: the next releases of its track bring it to every cluster')
    .argument('<track>')
    .argument('<file>')
    .action((track, file, options) =>
      withConnection(options, async (connection) => {
        const { reason } = options;
        const antibody = readWhole(file);
        orExit(readAntibody(antibody));
        const { antibodies } = await connection.call(connection.client.listAntibodies, { track });
        const members = await allClusters(connection);
        const answer = await connection.call(connection.client.putAntibody, { track, antibody, reason });
        const { family = '', cluster = '', digest = '', examples = 0 } = answer.antibody ?? {};
        if (examples < confirmedMin) complain(fewExamples(examples));
        const older = antibodies.filter(
          (one) => one.family === family && one.cluster === cluster && one.digest !== digest && isInForce(one),
        );
        for (const one of older) complain(besideIt(track, one));
        if (!members.some(({ name }) => name === cluster)) complain(ofNobody(cluster));
        if (options.json) print(wireJson({ track, ...answer }));
        else {
          print(`${family}, confirmed in ${cluster}: ${digest} (journal ${answer.sequence})`);
          print(`the next release of ${track} brings it; at once: ${pinLine(track, digest)}`);
        }
      }),
    );
}

function list() {
  return operatorCommand('list', "a track's antibodies, oldest first")
    .argument('<track>')
    .action((track, options) =>
      withConnection(options, async (connection) => {
        const { antibodies } = await connection.call(connection.client.listAntibodies, { track });
        if (options.json) for (const row of antibodies) print(wireJson(row));
        else
          print(
            table<KnownAntibody>(antibodies, [
              { title: 'DIGEST', text: ({ digest }) => shortDigest(digest) },
              { title: 'FAMILY', text: ({ family }) => family },
              { title: 'CONFIRMED IN', text: ({ cluster }) => cluster },
              { title: 'EXAMPLES', text: ({ examples }) => String(examples), align: 'right' },
              { title: 'EXPIRES', text: ({ expiresAtMs }) => time(expiresAtMs) },
              { title: 'STATE', text: stateOf },
            ]),
          );
      }),
    );
}

function revoke() {
  return changingCommand('revoke', 'take an antibody out of the releases that follow')
    .argument('<track>')
    .argument('<digest>', 'as `testudo antibodies list` shows it')
    .action((track, named, options) =>
      withConnection(options, async (connection) => {
        const { reason } = options;
        const { digest } = await namedAntibody(connection, track, named);
        const answer = await connection.call(connection.client.revokeAntibody, { track, digest, reason });
        if (options.json) return print(wireJson({ track, digest, ...answer }));
        print(`revoked (journal ${answer.sequence})`);
        print(
          `clusters that have it use it until they install a later release; to end that at once: ${pinLine(track, digest, ' --out-of-use')}`,
        );
      }),
    );
}
