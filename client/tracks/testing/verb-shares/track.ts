import { z } from 'zod';
import { ok, refuse } from '../../../../base/fault.ts';
import { seededStream, shuffled } from '../../../../base/random.ts';
import type { ModelSpec } from '../../../../proto/model-spec.ts';
import type { SourceIntake } from '../../../events/intake.ts';
import type { SourceItem } from '../../../events/source-item.ts';
import { type FollowOptions, followFile } from '../../../recordings/file-follower.ts';
import type { Learner } from '../../learner.ts';
import type { OfflineKind } from '../../offline-kind.ts';
import { lineOf, writeLines } from '../../score-lines.ts';
import type { TrackKind, TrackScorer } from '../../track-kind.ts';

// [1] What is watched: requests of service accounts to the Kubernetes API, twenty at a time.
const verbs = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'other'] as const;
const requestsEach = 20;

type Request = Readonly<{ namespace: string; account: string; verb: string; atMs: number }>;
type Requests = Readonly<{ namespace: string; account: string; first: Request; last: Request; counts: number[] }>;
/** Shares of the verbs, shape [8], in the order of `verbs`; they sum to 1. */
type Shares = Readonly<{ account: string; shares: readonly number[] }>;

// [2] The model: one tensor with the shares of the verbs. Two clusters with this spec in common speak of the same model.
export const verbSharesSpec: ModelSpec = {
  architecture: 'verb-shares/1',
  hyperparameters: { verbs: verbs.join(',') },
  tensors: [{ name: 'shares', shape: [verbs.length] }],
};

// [3] A sensor of its own: audit events as JSON lines, followed through rotations.
const settings = z.strictObject({ path: z.string() });
const request = z.object({ namespace: z.string(), account: z.string(), verb: z.string(), atMs: z.number() });

async function* auditFile(path: string, options: FollowOptions) {
  for await (const line of followFile(path, options)) {
    if (line.kind === 'idle') {
      yield { items: [], cursor: undefined };
      continue;
    }
    const read = line.kind === 'line' ? request.safeParse(jsonOf(line.text)) : undefined;
    const reason = line.kind === 'skipped' ? line.reason : 'INCOMPLETE_EVENT';
    const item: SourceItem = read?.success
      ? { kind: 'ofTrack', track: 'verbs', value: read.data }
      : { kind: 'skipped', reason, where: `${path}:${line.offset}` };
    yield { items: [item], cursor: line.after };
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

// [4] From items to observations: what is open lies in a map; `oldest` says from where a restart must read again.
class RequestIntake implements SourceIntake<Requests> {
  readonly #open = new Map<string, { order: number; requests: Request[] }>();

  push(item: SourceItem, order: number): readonly Requests[] {
    if (item.kind !== 'ofTrack' || item.track !== 'verbs') return [];
    const one = item.value as Request;
    const key = `${one.namespace}/${one.account}`;
    const open = this.#open.get(key) ?? { order, requests: [] };
    this.#open.set(key, open);
    open.requests.push(one);
    if (open.requests.length < requestsEach) return [];
    this.#open.delete(key);
    return [observationOf(open.requests)];
  }

  expire(): readonly Requests[] {
    return this.#open.size > 10_000 ? this.flush() : []; // Bounded, whoever invents accounts.
  }

  flush(): readonly Requests[] {
    const rest = [...this.#open.values()].map(({ requests }) => observationOf(requests));
    this.#open.clear();
    return rest;
  }

  oldest(): number | undefined {
    return this.#open.values().next().value?.order; // A map keeps the order of insertion.
  }
}

function observationOf(requests: readonly Request[]): Requests {
  const [first, last] = [requests[0] as Request, requests.at(-1) as Request];
  const known = requests.map(({ verb }) => verbs.find((one) => one === verb) ?? 'other');
  const counts = verbs.map((verb) => known.filter((one) => one === verb).length);
  return { namespace: first.namespace, account: first.account, first, last, counts };
}

function exampleOf({ account, counts }: Requests): Shares {
  const sum = counts.reduce((all, count) => all + count, 0);
  return { account, shares: counts.map((count) => count / sum) };
}

// [5] Learning, in the training process: each step moves the shares towards those of a batch.
function openLearner(base: Float32Array): Learner<readonly Shares[], Shares> {
  const weights = base.slice();
  return {
    *batches(examples, batchSize, seed) {
      const order = shuffled(examples, seededStream(seed, 'verb-shares'));
      for (let start = 0; start < order.length; start += batchSize) yield order.slice(start, start + batchSize);
    },
    step(batch, { learningRate }) {
      let loss = 0;
      for (const at of verbs.keys()) {
        const share = batch.reduce((sum, { shares }) => sum + (shares[at] ?? 0), 0) / batch.length;
        const gap = (weights[at] as number) - share;
        loss += (gap * gap) / 2;
        weights[at] = (weights[at] as number) - learningRate * gap;
      }
      return loss;
    },
    weights: () => weights.slice(),
    close: () => undefined,
  };
}

// [6] Judging, in the scoring thread: surprise at the verbs, half by the federation's shares, half by the account's own.
class ShareScorer implements TrackScorer<Shares> {
  readonly #federation: readonly number[];
  readonly #own: ReadonlyMap<string, readonly number[]>;

  constructor(weights: Float32Array, normal: readonly Shares[]) {
    this.#federation = smoothed([...weights]);
    const byAccount = Map.groupBy(normal, ({ account }) => account);
    this.#own = new Map(
      [...byAccount].map(([account, own]) => [
        account,
        smoothed(verbs.map((_, at) => own.reduce((sum, { shares }) => sum + (shares[at] ?? 0), 0))),
      ]),
    );
  }

  score(examples: readonly Shares[]) {
    return examples.map((example) => ({
      groups: [example.account],
      scores: Float64Array.of(this.#nats(example).reduce((sum, one) => sum + one, 0)),
    }));
  }

  explain(example: Shares) {
    const nats = this.#nats(example);
    const ranked = [...verbs.keys()].sort((a, b) => (nats[b] ?? 0) - (nats[a] ?? 0)).slice(0, 3);
    const carried = ranked.map((at) => ({ verb: verbs[at], share: example.shares[at], nats: nats[at] }));
    const parts = carried.map(({ verb, nats: one }) => `${verb} ${one?.toFixed(2)}`);
    return { detail: { carried }, text: `surprising verbs (nats): ${parts.join(', ')}` };
  }

  close(): void {}

  #nats({ account, shares }: Shares): number[] {
    const own = this.#own.get(account) ?? this.#federation;
    return shares.map((share, at) => -share * Math.log(((this.#federation[at] ?? 0) + (own[at] ?? 0)) / 2));
  }
}

/** As probabilities, none of them 0. */
function smoothed(values: readonly number[]): number[] {
  const positive = values.map((value) => Math.max(0, value));
  const sum = positive.reduce((all, value) => all + value, 0);
  return positive.map((value) => (sum === 0 ? 1 / verbs.length : 0.98 * (value / sum) + 0.02 / verbs.length));
}

// [7] Offline: what `testudo score` and `testudo model init` do for this kind, without a client.
const offline: OfflineKind = {
  score: {
    about: 'audit events as JSON lines, into one line of namespace, account and score for each twenty of an account',
    options: [{ flags: '--account <name>', about: 'only what this account asked for' }],
    async run({ model, input, output, settings: { account } }) {
      const { architecture } = model.spec;
      if (architecture !== verbSharesSpec.architecture)
        return refuse('MODEL_UNKNOWN', `${model.where}: ${architecture} is not ${verbSharesSpec.architecture}`);
      const intake = new RequestIntake();
      const observed: Requests[] = [];
      let passedOver = 0;
      for await (const { items } of auditFile(input, { follow: false, signal: new AbortController().signal })) {
        for (const item of items) {
          if (item.kind === 'skipped') passedOver += 1;
          observed.push(...intake.push(item, 0));
        }
      }
      observed.push(...intake.flush());
      if (observed.length === 0) return refuse('INPUT_UNREADABLE', `${input} holds no request; is it an audit log?`);
      const wanted = observed.filter((one) => account === undefined || one.account === account);
      const scores = new ShareScorer(model.weights, []).score(wanted.map(exampleOf));
      const lines = wanted.map((one, at) =>
        lineOf([one.namespace, one.account, scores[at]?.scores[0]?.toFixed(4) ?? '']),
      );
      const written = await writeLines(lines, output);
      return written.ok ? ok(`${wanted.length} observations scored, ${passedOver} lines passed over`) : written;
    },
  },
  init: {
    about: 'a detector of unusual verbs against the Kubernetes API',
    training: 'training: { epochs: 30, stepsMax: 200, batchSize: 8, learningRate: 0.2 }',
    options: [],
    run: async () => ok({ spec: verbSharesSpec, init: () => new Float32Array(verbs.length) }),
  },
};

// [8] The kind itself: everything above by the names that the client looks for.
export const trackKind: TrackKind<Requests, Shares> = {
  architectures: [verbSharesSpec.architecture],
  examples: {
    encode: ({ account, shares }) => Buffer.from(JSON.stringify([account, ...shares])),
    decode(bytes) {
      const read = z.tuple([z.string()], z.number()).safeParse(jsonOf(Buffer.from(bytes).toString('utf8')));
      if (!read.success) return refuse('EXAMPLE_MALFORMED', 'verb shares: not what this build writes');
      const [account, ...shares] = read.data;
      return ok({ account, shares });
    },
  },
  openSource: (given, { from, signal, timers }) =>
    auditFile(settings.parse(given).path, { from, signal, timers, follow: true }),
  openIntake: () => ({ from: () => new RequestIntake() }),
  exampleOf,
  subjectOf: ({ namespace, account }) => ({ namespace, workload: account, workloadClass: account, pod: '' }),
  describe: ({ namespace, account, first, last, counts }) => ({
    identity: `${namespace}/${account}/${first.atMs}/${counts.join(' ')}`,
    firstMs: first.atMs,
    lastMs: last.atMs,
    detail: { counts: Object.fromEntries(verbs.map((verb, at) => [verb, counts[at]])) },
  }),
  openLearner: async (_spec, base) => ok(openLearner(base)),
  openScorer: async (_spec, weights, normal) => new ShareScorer(weights, normal),
  offline: async () => offline,
};
