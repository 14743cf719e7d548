import { table } from '../../../base/text/table.ts';
import { digestOf } from '../../../proto/digest.ts';
import type { GetRoundResponse } from '../../../proto/generated/testudo/v1/operator.ts';
import { type Joined, joinRegion, type ParentRound } from '../../../relay/join.ts';
import { exitCodes, exitWith, usage } from '../../exit.ts';
import { roundFrom } from '../../operator/arguments.ts';
import { type OperatorConnection, withConnection } from '../../operator/connection.ts';
import { operatorCommand } from '../../operator/options.ts';
import { pages } from '../../operator/pages.ts';
import { print } from '../../print.ts';

/** Where a region's own operators are let in. */
type RegionAccess = Readonly<{ region: string; credentials: string; address: string | undefined }>;

type Found = Readonly<{ region: string; joined: Joined | null; why: string }>;

/** `testudo relay join`: who went into a round of the parent's, region by region, proven by what each relay signed. */
export function joinCommand() {
  return operatorCommand(
    'join',
    "who went into a parent's round, region by region, by the provenance that each relay signed",
  )
    .argument('<track>')
    .argument('<round>', "of the parent's")
    .requiredOption(
      '--region <name=credentials...>',
      "a region's name at the parent, and credentials of an operator of the region's; NAME=FILE@HOST:PORT where it is not where they say",
    )
    .action((track, name, options) => {
      const accesses = options.region.map(accessOf);
      return withConnection(options, async (connection) => {
        const round = roundFrom(name);
        const answer = await connection.call(connection.client.getRound, { track, round });
        const parent = parentRound(answer, track, round);
        const found: Found[] = [];
        for (const access of accesses) found.push(await joined(answer, parent, access));
        if (options.json) for (const one of found) print(JSON.stringify(one));
        else print(text(found));
        if (found.some((one) => one.joined === null)) process.exitCode = exitCodes.attention;
      });
    });
}

function accessOf(said: string): RegionAccess {
  const [, region, credentials, address] = /^([a-z0-9-]+)=([^@]+)(?:@(.+:\d+))?$/.exec(said) ?? [];
  if (region === undefined || credentials === undefined) usage(`--region: expected NAME=FILE, got ${said}`);
  return { region, credentials, address };
}

function parentRound({ provenanceJson }: GetRoundResponse, track: string, round: string): ParentRound {
  if (provenanceJson === '') {
    exitWith({
      code: 'ROUND_WITHOUT_CANDIDATE',
      message: `${round} of ${track} gave no candidate: there is nothing to join`,
    });
  }
  const { base } = JSON.parse(provenanceJson) as Readonly<{ base: Readonly<{ digest: string }> }>;
  return { track, round, baseDigest: base.digest };
}

async function joined(answer: GetRoundResponse, parent: ParentRound, access: RegionAccess): Promise<Found> {
  const { region, credentials, address } = access;
  const part = answer.participations.find(({ cluster }) => cluster === region);
  if (part === undefined) return { region, joined: null, why: 'it had no part in this round' };
  const { provenanceDigest } = part;
  let provenance: Uint8Array = new Uint8Array();
  await withConnection({ credentials, address }, async (connection) => {
    provenance = (await provenanceOf(connection, parent.track, provenanceDigest)) ?? provenance;
  });
  if (provenance.byteLength === 0 && provenanceDigest !== '') {
    return { region, joined: null, why: `none of its rounds on record has the provenance ${provenanceDigest}` };
  }
  const made = joinRegion(parent, { region, provenanceDigest }, provenance);
  return made.ok ? { region, joined: made.value, why: '' } : { region, joined: null, why: made.fault.message };
}

/** The region's rounds on record are few: each is asked for until one has it. */
async function provenanceOf(
  connection: OperatorConnection,
  track: string,
  digest: string,
): Promise<Uint8Array | undefined> {
  const { client } = connection;
  const rounds = await pages(
    (page) => connection.call(client.listRounds, { track, page }),
    (listed) => listed.rounds,
  );
  for (const { round, candidate } of rounds) {
    if (candidate === undefined) continue;
    const { provenanceJson } = await connection.call(client.getRound, { track, round });
    const bytes = Buffer.from(provenanceJson);
    if (digestOf(bytes) === digest) return bytes;
  }
  return undefined;
}

function text(found: readonly Found[]): string {
  const rows = found.flatMap(({ region, joined: join, why }) =>
    join === null
      ? [{ region, round: '', cluster: '', verdict: '', why }]
      : join.members.map(({ cluster, verdict }) => ({ region, round: join.round, cluster, verdict, why })),
  );
  return table<(typeof rows)[number]>(rows, [
    { title: 'REGION', text: (row) => row.region },
    { title: 'ITS ROUND', text: ({ round }) => round },
    { title: 'CLUSTER', text: ({ cluster }) => cluster },
    { title: 'FATE', text: ({ verdict }) => verdict },
    { title: 'WHY NOT', text: ({ why }) => why },
  ]);
}
