import type { ServiceError } from '@grpc/grpc-js';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Result, unwrap } from '../../../base/fault.ts';
import { faultOfError } from '../../../proto/call.ts';
import {
  type FollowResponse,
  type GetRoundResponse,
  type ListAuditResponse,
  type ListRoundsResponse,
  type ListTokensResponse,
  OperatorClient,
  type PutTrackRequest,
  RoundPhase,
  type SetLabelsResponse,
  UpdateFate,
} from '../../../proto/generated/testudo/v1/operator.ts';
import type { ListReleasesResponse } from '../../../proto/generated/testudo/v1/operator_releases.ts';
import { specBytes } from '../../../proto/model-spec.ts';
import { coordinatorServerName } from '../../../proto/wire-names.ts';
import { pemOfChain } from '../../keys/authority.ts';
import { newOperatorKey } from '../../keys/operator-credentials.ts';
import { secure, settle, type TestCluster } from '../../testing/cluster.ts';
import { operator, TestFederation, track } from '../../testing/federation.ts';

const codeOf = (result: Result<unknown>) => (result.ok ? 'OK' : result.fault.code);

/** The text of a refusal; "OK" where there is none. */
function messageOf(ask: (done: (error: ServiceError | null) => void) => unknown): Promise<string> {
  return new Promise((resolve) => ask((error) => resolve(error === null ? 'OK' : faultOfError(error).message)));
}

async function asAdmin(federation: TestFederation): Promise<OperatorClient> {
  const { membership, addresses } = federation.coordinator;
  const { key, request } = await newOperatorKey();
  const { chain } = unwrap(await membership.addOperator(operator, { name: 'ada', role: 'admin', request }));
  const credentials = secure({ ca: federation.authority, cert: pemOfChain(chain), key });
  const client = new OperatorClient(addresses.federation, credentials, {
    'grpc.ssl_target_name_override': coordinatorServerName,
  });
  onTestFinished(() => client.close());
  return client;
}

const policyJson = 'aggregation: { f: 0, before: [], rule: { kind: krum } }';
const spec = { architecture: 'test/2', hyperparameters: {}, tensors: [{ name: 'w', shape: [4] }] };
const settings = {
  track: 'flow',
  spec: { canonicalJson: specBytes(spec), schemaDigest: '' },
  policyJson,
  reason: 'why',
};

function put(client: OperatorClient, ...parts: NonNullable<PutTrackRequest['part']>[]): Promise<Result<unknown>> {
  return settle((callback) => {
    const stream = client.putTrack(callback);
    stream.on('error', () => {}); // The callback has it.
    for (const part of parts) stream.write({ part });
    stream.end();
  });
}

describe('Operator', () => {
  it('shows a round with the part of every cluster and what became of it', async () => {
    const federation = await TestFederation.start();
    const admin = await asAdmin(federation);
    const members = await federation.round(['a', 'b', 'c']);
    const getRound = async () =>
      unwrap(await settle<GetRoundResponse>((done) => admin.getRound({ track, round: 'r-1' }, done)));
    const [a] = members as [TestCluster];
    unwrap(await a.submit(new Float32Array(1000).fill(0.01)));
    const collecting = await getRound();
    expect(collecting.summary).toMatchObject({
      phase: RoundPhase.ROUND_PHASE_COLLECTING,
      cohortCount: 3,
      acceptedCount: 1,
    });
    const fates = ({ participations }: GetRoundResponse) =>
      Object.fromEntries(participations.map(({ cluster, fate }) => [cluster, fate]));
    const { UPDATE_FATE_ACCEPTED, UPDATE_FATE_AWAITED } = UpdateFate;
    expect(fates(collecting)).toEqual({ a: UPDATE_FATE_ACCEPTED, b: UPDATE_FATE_AWAITED, c: UPDATE_FATE_AWAITED });
    for (const [index, member] of members.slice(1).entries()) {
      unwrap(await member.submit(new Float32Array(1000).fill(0.02 + index)));
    }
    await federation.until(({ tracks }) => tracks.get(track)?.models.length === 2);
    const ended = await getRound();
    expect(ended.summary?.phase).toBe(RoundPhase.ROUND_PHASE_CANDIDATE);
    expect(Object.values(fates(ended)).sort()).toEqual(
      [UpdateFate.UPDATE_FATE_SELECTED, UpdateFate.UPDATE_FATE_EXCLUDED, UpdateFate.UPDATE_FATE_EXCLUDED].sort(),
    );
    const selected = ended.participations.find(({ fate }) => fate === UpdateFate.UPDATE_FATE_SELECTED);
    expect(selected).toMatchObject({ code: '' });
    expect(selected?.norm).toBeGreaterThan(0);
    expect(ended.participations.find(({ cluster }) => cluster === 'c')?.code).not.toBe('');
    expect(JSON.parse(ended.provenanceJson)).toMatchObject({ round: 'r-1', n: 3 });
    const releases = unwrap(
      await settle<ListReleasesResponse>((done) => admin.listReleases({ track, page: undefined }, done)),
    ).releases;
    expect(releases.map(({ model, round }) => [model?.version, round])).toEqual([
      [1n, 'r-1'],
      [0n, ''],
    ]);
    const rounds = unwrap(
      await settle<ListRoundsResponse>((done) => admin.listRounds({ track, page: undefined }, done)),
    );
    expect(rounds.rounds).toHaveLength(1);
  });

  it('makes a track from a stream, and refuses every stream that is not settings and then that model', async () => {
    const admin = await asAdmin(await TestFederation.start());
    const model = (values: readonly number[]) =>
      ({ $case: 'modelChunk', value: Buffer.from(new Float32Array(values).buffer) }) as const;
    const first = { $case: 'settings', value: settings } as const;
    expect(codeOf(await put(admin))).toBe('REQUEST_INVALID');
    expect(codeOf(await put(admin, model([1, 2, 3, 4])))).toBe('REQUEST_INVALID');
    expect(codeOf(await put(admin, first, first))).toBe('REQUEST_INVALID');
    expect(codeOf(await put(admin, first, model([1, 2, 3])))).toBe('LENGTH_MISMATCH');
    expect(codeOf(await put(admin, first, model([1, 2, 3, 4, 5])))).toBe('LENGTH_MISMATCH');
    expect(codeOf(await put(admin, first, model([1, 2, Number.NaN, 4])))).toBe('SPEC_INVALID');
    const spoilt = (change: Partial<typeof settings>) =>
      put(admin, { $case: 'settings', value: { ...settings, ...change } });
    expect(
      codeOf(await spoilt({ policyJson: 'aggregation: { f: 3 }\nrounds: { quorum: { kind: count, updates: 3 } }' })),
    ).toBe('POLICY_INVALID');
    expect(codeOf(await spoilt({ reason: '' }))).toBe('REQUEST_INVALID');
    expect(codeOf(await spoilt({ track: 'No' }))).toBe('REQUEST_INVALID');
    expect(codeOf(await spoilt({ spec: { canonicalJson: Buffer.from('{'), schemaDigest: '' } }))).toBe('SPEC_INVALID');

    expect(codeOf(await put(admin, first, model([1, 2]), model([3, 4])))).toBe('OK');
    expect(codeOf(await put(admin, first))).toBe('OK'); // The policy again: no model is needed.
    const wider = { ...spec, tensors: [{ name: 'w', shape: [5] }] };
    expect(codeOf(await spoilt({ spec: { canonicalJson: specBytes(wider), schemaDigest: '' } }))).toBe('TRACK_EXISTS');
  });

  it('lists and follows the audit log without a gap', async () => {
    const federation = await TestFederation.start();
    const admin = await asAdmin(federation);
    const stream = admin.follow({ fromSequence: 1n });
    onTestFinished(() => stream.cancel());
    stream.on('error', () => {});
    const followed: bigint[] = [];
    const caughtUp = new Promise<void>((resolve) => {
      stream.on('data', ({ entry }: FollowResponse) => {
        followed.push(entry?.sequence ?? 0n);
        if (entry?.kind === 'tokenMinted') resolve();
      });
    });
    await federation.token('x');
    await caughtUp;
    expect(followed).toEqual(followed.map((_, index) => BigInt(index + 1)));
    const list = (fromSequence: bigint, size: number) =>
      settle<ListAuditResponse>((done) => admin.listAudit({ fromSequence, size }, done));
    const { entries } = unwrap(await list(2n, 2));
    expect(entries.map(({ sequence }) => sequence)).toEqual([2n, 3n]);
    expect(codeOf(await list(1n, 501))).toBe('REQUEST_INVALID');
    expect(codeOf(await list(2n ** 60n, 1))).toBe('REQUEST_INVALID');
  });

  it('checks what it is told, and says of what it does not serve that it does not', async () => {
    const federation = await TestFederation.start();
    const admin = await asAdmin(federation);
    const token = (lifetimeSeconds: number, labels: { key: string; value: string }[] = []) =>
      settle((done) => admin.createToken({ cluster: 'x', lifetimeSeconds, labels }, done));
    expect(codeOf(await token(59))).toBe('REQUEST_INVALID');
    expect(codeOf(await token(2_592_001))).toBe('REQUEST_INVALID');
    expect(codeOf(await token(60, [{ key: 'a', value: 'B' }]))).toBe('REQUEST_INVALID');
    expect(
      codeOf(
        await token(60, [
          { key: 'a', value: 'b' },
          { key: 'a', value: 'c' },
        ]),
      ),
    ).toBe('REQUEST_INVALID');
    for (let index = 0; index < 3; index += 1) unwrap(await token(60, [{ key: 'tier', value: 'edge' }]));
    const page = async (text: string) =>
      unwrap(await settle<ListTokensResponse>((done) => admin.listTokens({ page: { size: 2, token: text } }, done)));
    const first = await page('');
    expect(first.tokens).toHaveLength(2);
    const second = await page(first.nextPage);
    expect(new Set([...first.tokens, ...second.tokens].map(({ tokenId }) => tokenId)).size).toBe(3);
    expect(second.nextPage).toBe('');
    expect(codeOf(await settle((done) => admin.listChannels({ track: 'nowhere' }, done)))).toBe('TRACK_NOT_FOUND');
    expect(codeOf(await settle((done) => admin.revokeCluster({ cluster: 'nobody', reason: 'why' }, done)))).toBe(
      'CLUSTER_NOT_ENROLLED',
    );
    expect(codeOf(await settle((done) => admin.openRound({ track: 'nothing', reason: 'why' }, done)))).toBe(
      'TRACK_NOT_FOUND',
    );
    expect(codeOf(await settle((done) => admin.openRound({ track, reason: '' }, done)))).toBe('REQUEST_INVALID');
  });

  it('says which track was meant, whatever is asked of one that is misspelt', async () => {
    const admin = await asAdmin(await TestFederation.start());
    const named = { track: 'syscal', reason: 'why', dryRun: true } as const;
    const round = { ...named, round: 'r-1' };
    const subject = { whom: { $case: 'cluster', value: 'a' } } as const;
    const told = await Promise.all([
      messageOf((done) => admin.openRound(named, done)),
      messageOf((done) => admin.cancelRound(round, done)),
      messageOf((done) => admin.listRounds({ ...named, page: undefined }, done)),
      messageOf((done) => admin.getRound(round, done)),
      messageOf((done) => admin.replayRound(round, done)),
      messageOf((done) => admin.listReputations(named, done)),
      messageOf((done) => admin.getProgress(named, done)),
      messageOf((done) => admin.listReleases({ ...named, page: undefined }, done)),
      messageOf((done) => admin.listChannels(named, done)),
      messageOf((done) => admin.assignChannel({ ...named, channel: 'canary', subject }, done)),
      messageOf((done) => admin.promote({ ...named, channel: 'stable', version: 1n }, done)),
      messageOf((done) => admin.moveHead({ ...named, version: 0n }, done)),
      messageOf((done) => admin.getGate({ ...named, version: 1n }, done)),
      messageOf((done) => admin.listAntibodies(named, done)),
      messageOf((done) =>
        admin.setFreeze({ ...named, tracks: ['syscal'], fromMs: 0n, untilMs: BigInt(Date.now() + 60_000) }, done),
      ),
    ]);
    expect(told).toEqual(told.map(() => expect.stringContaining('there is no track syscal; did you mean syscall?')));
  });

  it('gives labels and takes them away, but not those that approve classes', async () => {
    const federation = await TestFederation.start({ labels: { region: 'eu', 'class-nginx': 'yes' } });
    const admin = await asAdmin(federation);
    await federation.enrol('a');
    const set = (labels: readonly (readonly [string, string])[], removed: readonly string[], cluster = 'a') => {
      const request = {
        cluster,
        removed: [...removed],
        reason: 'why',
        labels: labels.map(([key, value]) => ({ key, value })),
      };
      return settle<SetLabelsResponse>((done) => admin.setLabels(request, done));
    };
    const first = unwrap(
      await set(
        [
          ['tier', 'edge'],
          ['region', 'us'],
        ],
        ['none'],
      ),
    );
    expect(first.labels.map(({ key, value }) => `${key}=${value}`)).toEqual([
      'class-nginx=yes',
      'region=us',
      'tier=edge',
    ]);
    const entry = [...federation.coordinator.engine.state().clusters.values()][0]?.labels;
    expect(entry).toEqual({ 'class-nginx': 'yes', region: 'us', tier: 'edge' });
    expect(unwrap(await set([], ['tier'])).labels).toHaveLength(2);
    const again = unwrap(await set([], ['tier']));
    expect(again.sequence).toBe(BigInt(federation.coordinator.engine.state().seq)); // Nothing to write.
    expect(codeOf(await set([['class-redis', 'yes']], []))).toBe('REQUEST_INVALID');
    expect(codeOf(await set([], ['class-nginx']))).toBe('REQUEST_INVALID');
    expect(codeOf(await set([['Tier', 'x']], []))).toBe('REQUEST_INVALID');
    expect(await set([['tier', 'x']], [], 'b')).toMatchObject({ fault: { code: 'CLUSTER_NOT_ENROLLED' } });
  });
});
