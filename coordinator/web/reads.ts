import { ok, type Result, refuse } from '../../base/fault.ts';
import { decimalOf } from '../../base/text/number.ts';
import { isClusterId } from '../../proto/ids.ts';
import { isFor } from '../../proto/release/resolve.ts';
import type { FaultCodeOf } from '../../proto/served-faults.ts';
import type { Call } from '../access/access-control.ts';
import { type CallRule, calls } from '../access/calls.ts';
import { checkRoundName } from '../operations/check.ts';
import type { Registry } from '../registry/registry.ts';
import type { Engine } from '../rounds/engine.ts';
import { checkConditions, searchAudit } from '../views/audit-search.ts';
import { channelsView } from '../views/channels.ts';
import { freezesOf } from '../views/freezes.ts';
import { gateView } from '../views/gate.ts';
import { mapSummaries } from '../views/maps.ts';
import { clusterView } from '../views/members.ts';
import { readProvenance } from '../views/participation.ts';
import { pinsThat } from '../views/pins.ts';
import { progressView } from '../views/records/progress.ts';
import { standingsView } from '../views/records/standings.ts';
import { releaseView } from '../views/releases.ts';
import { checkId, findTrack, invalid } from '../views/request.ts';
import { approvalsView } from '../views/responses.ts';
import { roundDetail } from '../views/round-detail.ts';
import { findRound, roundsOf, roundView } from '../views/rounds.ts';
import type { Download } from './answers.ts';
import type { ApprovalsPage, AuditPage, ChainShape, ClusterPage, MapsPage, ReleasesPage } from './shapes.ts';

export type ReadParts = Readonly<{ engine: Engine; registry: Registry }>;

type Asked = Readonly<{ words: readonly string[]; query: URLSearchParams; call: Call<'viewer'> }>;
type Read = Readonly<{
  rule: CallRule<'viewer'>;
  /** Words of the path behind its name. */
  words: number;
  serve(parts: ReadParts, asked: Asked): Promise<Result<unknown, FaultCodeOf<'operator'>>>;
}>;

const releasesMax = 200;
const auditRows = 100;

/** What pages show, by the first word of the path below /api/; each as one call of an operator's. */
const reads: Readonly<Record<string, Read>> = {
  rounds: {
    rule: calls.operator.listRounds,
    words: 1,
    async serve({ engine }, { words: [name = ''] }) {
      const track = findTrack(engine.state(), name);
      return track.ok ? ok(roundsOf(track.value).map((round) => roundView(track.value, round))) : track;
    },
  },
  round: {
    rule: calls.operator.getRound,
    words: 2,
    async serve({ engine }, { words }) {
      const found = namedRound(engine, words);
      return found.ok ? ok(await roundDetail(found.value.track, found.value.round, engine.blobs)) : found;
    },
  },
  record: {
    rule: calls.operator.getRound,
    words: 2,
    async serve({ engine }, { words }) {
      const found = namedRound(engine, words);
      if (!found.ok) return found;
      const { json } = await readProvenance(engine.blobs, found.value.round);
      if (json === '')
        return refuse('ROUND_WITHOUT_CANDIDATE', 'the round has no record: it gave no candidate, or not yet');
      const download: Download = { fileName: `${words.join('-')}.json`, type: 'application/json', text: json };
      return ok(download);
    },
  },
  releases: {
    rule: calls.operator.listReleases,
    words: 1,
    async serve({ engine, registry }, { words: [name = ''], call }) {
      const track = findTrack(engine.state(), name);
      if (!track.ok) return track;
      const { models, releasing, headVersion, policy } = track.value;
      const agents = registry.agents(track.value.track);
      const from = Math.max(0, models.length - releasesMax);
      const versions = models
        .slice(from)
        .map((_, at) => from + at)
        .toReversed();
      const gates = Object.values(releasing.gates).slice(-16).toReversed();
      const page: ReleasesPage = {
        releases: versions.map((version) => releaseView(track.value, version, agents)),
        ...channelsView(engine.state(), track.value, registry.assignments()),
        head: headVersion,
        hasGate: policy.gate !== undefined,
        gates: gates.flatMap(({ version }) => {
          const gate = registry.gate(track.value.track, version);
          return gate === undefined ? [] : [gateView(gate)];
        }),
        pins: pinsThat((pin) => pin.track === track.value.track, registry.pins(), call.nowMs),
        freezes: freezesOf(engine.state(), track.value.track, call.nowMs),
      };
      return ok(page);
    },
  },
  cluster: {
    rule: calls.operator.getCluster,
    words: 1,
    async serve({ engine, registry }, { words: [text = ''], call }) {
      const name = checkId('cluster', text, isClusterId);
      if (!name.ok) return name;
      const row = engine.state().clusters.get(name.value);
      if (row === undefined) return refuse('CLUSTER_NOT_ENROLLED', `no cluster ${name.value} was ever a member`);
      const page: ClusterPage = {
        cluster: clusterView(row, engine.buildOf.bind(engine)),
        standings: await standingsView(engine.state(), engine.blobs, name.value),
        alerts: engine.alerts.of(name.value, call.nowMs),
        response: engine.responses.of(name.value) ?? null,
        pins: pinsThat(({ subject }) => subject === null || isFor(subject, row), registry.pins(), call.nowMs),
      };
      return ok(page);
    },
  },
  approvals: {
    rule: calls.operator.getStatus,
    words: 0,
    async serve({ engine }, { call }) {
      const clusters = approvalsView(engine.state(), (cluster) => engine.responses.fresh(cluster, call.nowMs));
      const page: ApprovalsPage = { clusters };
      return ok(page);
    },
  },
  maps: {
    rule: calls.operator.getStatus,
    words: 0,
    async serve({ engine }) {
      const page: MapsPage = { clusters: mapSummaries(engine.state(), (cluster) => engine.maps.of(cluster)) };
      return ok(page);
    },
  },
  map: {
    rule: calls.operator.getCluster,
    words: 1,
    async serve({ engine }, { words: [text = ''] }) {
      const name = checkId('cluster', text, isClusterId);
      if (!name.ok) return name;
      const map = engine.maps.of(name.value);
      return map === undefined ? refuse('CLUSTER_NOT_ENROLLED', `${name.value} shares no map`) : ok(map);
    },
  },
  progress: {
    rule: calls.operator.getProgress,
    words: 1,
    async serve({ engine }, { words: [name = ''] }) {
      const track = findTrack(engine.state(), name);
      return track.ok ? ok(await progressView(track.value, engine.blobs)) : track;
    },
  },
  antibodies: {
    rule: calls.operator.listAntibodies,
    words: 1,
    async serve({ engine }, { words: [name = ''] }) {
      const track = findTrack(engine.state(), name);
      return track.ok ? ok(track.value.antibodies.toReversed()) : track;
    },
  },
  /** Reads all of the journal, in blocks; its own thread does it. */
  chain: {
    rule: calls.operator.listAudit,
    words: 0,
    async serve({ engine }) {
      const verified = await engine.verify();
      if (!verified.ok && verified.fault.code !== 'JOURNAL_DAMAGED') return verified;
      const chain: ChainShape = verified.ok
        ? { holds: true, entries: verified.value.seq, digest: `sha256:${verified.value.chain}` }
        : { holds: false, why: verified.fault.message };
      return ok(chain);
    },
  },
  audit: {
    rule: calls.operator.listAuditMatches,
    words: 0,
    async serve({ engine }, { query }) {
      const text = (name: string) => query.get(name) ?? '';
      const [before, sinceMs] = [decimalOf(text('before') || '0'), decimalOf(text('since') || '0')];
      const kinds = text('kinds').split(',').filter(Boolean);
      const conditions = { kinds, who: text('who'), about: text('about') };
      if (![before, sinceMs].every(Number.isSafeInteger) || before < 0) return invalid('before, since: whole numbers');
      const tooLarge = checkConditions(conditions);
      if (tooLarge !== undefined) return tooLarge;
      const wanted = { ...conditions, sinceMs, size: auditRows, before: before || engine.state().seq + 1 };
      const found = await searchAudit((from, limit) => engine.audit(from, limit), wanted);
      if (!found.ok) return found;
      const page: AuditPage = { ...found.value, to: wanted.before - 1 };
      return ok(page);
    },
  },
};

/** Of its own members alone: a path may say `constructor`. */
export const readNamed: ReadonlyMap<string, Read> = new Map(Object.entries(reads));

function namedRound(engine: Engine, [trackName = '', roundName = '']: readonly string[]) {
  const named = checkRoundName(trackName, roundName);
  if (!named.ok) return named;
  const track = findTrack(engine.state(), trackName);
  if (!track.ok) return track;
  const round = findRound(track.value, named.value.round);
  return round.ok ? ok({ track: track.value, round: round.value }) : round;
}
