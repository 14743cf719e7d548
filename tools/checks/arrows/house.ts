/**
 * What the law of the house says, as data: who may import whom, and in which order rooms stand. The pages that draw the
 * same house are docs/architecture.md and the README of each room.
 */
import { type Known, known } from './known.ts';
import type { Order } from './order.ts';
import type { SizeLimits } from './sizes.ts';

/** What each top folder of the product may import beside itself. Tests, benches and tools may import anything. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  base: [],
  proto: ['base'],
  aggregation: ['base'],
  coordinator: ['base', 'aggregation', 'proto'],
  client: ['base', 'proto'],
  relay: ['base', 'proto', 'coordinator', 'client'],
  door: ['base', 'proto', 'coordinator', 'client'],
  dashboard: ['base', 'coordinator'],
  lab: ['base', 'proto', 'aggregation', 'coordinator', 'client', 'relay'],
  demo: ['base', 'proto', 'aggregation', 'coordinator', 'client', 'lab'],
  cli: ['base', 'proto', 'aggregation', 'coordinator', 'client', 'relay', 'door', 'dashboard', 'lab', 'demo', 'tools'],
};

/** Top folders that are read for circles and sizes, though they may import anything. */
const readToo: readonly string[] = ['bench', 'deploy', 'tools'];

/** Files that come with the package and belong to nobody. */
export const neutralFolders: ReadonlySet<string> = new Set(['data']);

/** Named through package.json's `imports`: neutral leaves that everyone may use. */
export const leaves: ReadonlySet<string> = new Set(['#tensorflow']);

/** The aggregation rules are mathematics: a module that reaches network, processes or stores has no place there. */
export const closedToAggregation =
  /^node:(?:child_process|cluster|dgram|dns|http|http2|https|net|sqlite|tls|readline)(?:\/|$)/;

/** All that pages in a browser may know of the coordinator, and as types alone: nothing of it is in what is built. */
export const shapesOfPages = 'coordinator/web/shapes.ts';

/**
 * Rooms that know no gRPC: what they say to the other side goes through ports, so that another transport, or none, can
 * stand there. What speaks gRPC lies in coordinator/grpc, client/link, client/rounds/grpc and client/releases/grpc.
 */
export const closedToGrpc =
  /^(?:coordinator\/(?:access|candidate|ledger|members|operations|queue|registry|round|rounds|views|web)|client\/(?:events|learning|recordings|(?:releases|rounds)(?!\/grpc\/)|scoring|tracks))\//;

/**
 * Where folders of detectors are found, and where what the command line hands to workers is loaded: what they import is read
 * as every other module is. Packages of the add-ons are others'.
 */
export const mayImportComputed: ReadonlySet<string> = new Set([
  'base/add-ons/add-ons.ts',
  'client/tracks/track-kinds.ts',
  'coordinator/candidate/sample-reader.ts',
]);

/**
 * The rooms of a folder, lowest first. A room may import itself and what stands before it; rooms of one inner list know
 * nothing of each other. Files that lie directly in the folder stand above all of its rooms, unless they are listed too.
 */
const rooms: Readonly<Record<string, Order>> = {
  proto: [
    ['by-proxy.ts', 'ids.ts', 'served-faults.ts', 'wire-names.ts'],
    ['call.ts', 'chunk-encoding.ts', 'declared-classes.ts', 'digest.ts'],
    'model-spec.ts',
    'layout.ts',
    'envelope',
    ['antibody.ts', 'response-policy.ts', 'transparency'],
    'release',
  ],
  aggregation: [
    ['assembly', 'fault.ts', 'ordered-sums.ts'],
    ['blocks', 'class-blocks.ts', 'requirements.ts'],
    'golden',
    'places',
    'geometry.ts',
    'linear-algebra.ts',
    ['distances', 'algebra'],
    'updates.ts',
    'trusted',
    ['admission.ts', 'before'],
    'rules',
    'attacks',
  ],
  coordinator: [
    ['blobs', 'postgres', 'round'],
    'ledger',
    'keys',
    ['candidate', 'config', 'members'],
    'queue',
    'access',
    'registry',
    ['observability', 'rounds'],
    ['transparency', 'views'],
    'operations',
    ['grpc', 'notifications', 'web'],
  ],
  client: [
    ['events', 'storage', 'observability', 'posture'],
    'recordings',
    ['sources', 'tracks'],
    ['antibodies', 'kube', 'learning', 'rates'],
    'scoring',
    'alerts',
    'link',
    'rounds',
    ['capture', 'releases'],
    ['hub', 'response', 'sensor'],
  ],
  // Parts know nothing of each other; `parts.ts` names them all.
  'client/response': [
    ['chain-end.ts', 'cluster'],
    'part.ts',
    ['evidence', 'ladder', 'posture', 'rotation'],
    'hearing',
    ['loop.ts', 'quarantine'],
    'simulation',
  ],
  'client/tracks': [
    [
      'average-precision.ts',
      'detector.ts',
      'example-codec.ts',
      'learner.ts',
      'metrics.ts',
      'mix-bits.ts',
      'model-files.ts',
      'place-scores.ts',
      'score-lines.ts',
      'shared-map.ts',
    ],
    'file-judge.ts',
    ['counting-learner.ts', 'offline-kind.ts', 'quality.ts'],
    ['minutes.ts', 'rates-option.ts', 'track-kind.ts'],
    ['neural', 'onnx'],
    'steps.ts',
    ['api', 'feature-rows', 'flow', 'syscall'],
  ],
  relay: [
    ['region.ts', 'spec-fit.ts'],
    ['rounds', 'releases'],
  ],
  dashboard: ['api', 'parts', 'pages'],
  cli: [
    ['compile-cache.ts', 'json', 'print.ts'],
    ['config-schema.ts', 'exit.ts'],
    ['claimed-file.ts', 'half-done.ts', 'local-client.ts', 'lost-answer.ts', 'own-name.ts'],
    'alerts',
    ['kit', 'kubernetes', 'offline', 'operator'],
    ['members', 'overview', 'response', 'rounds'],
    'releases',
    'processes',
  ],
  lab: [
    'whole-numbers.ts',
    ['data', 'federation', 'in-process', 'model', 'plot.ts', 'simulator'],
    'hostile',
    'rig',
    'standing',
  ],
  'lab/simulator': [
    ['violation.ts', 'world'],
    ['mutations', 'plan.ts', 'ground'],
    'players',
    ['found.ts', 'invariants'],
    'database-deeds.ts',
    'deeds.ts',
    'simulation.ts',
  ],
  demo: [
    ['options.ts', 'rule.ts', 'screen.ts'],
    'prepare.ts',
    'report',
    ['clock.ts', 'judging.ts'],
    ['assess.ts', 'flow', 'keep.ts'],
    ['comparison', 'story'],
    'other',
  ],
};

/**
 * So many modules each top folder holds at least, about three quarters of what it held on 30 November 2026: less than that, and the
 * check did not read what it should.
 */
const modulesMin: Readonly<Record<string, number>> = {
  base: 60,
  proto: 70,
  aggregation: 75,
  coordinator: 330,
  client: 525,
  relay: 8,
  door: 12,
  dashboard: 30,
  lab: 105,
  demo: 29,
  cli: 140,
  bench: 125,
  tools: 88,
  deploy: 36,
};

/** What a newcomer can hold in one look. */
const sizes: SizeLimits = { filesMax: 20, linesMax: 350, medianLinesMax: 100 };

/** All of it. Checks of planted trees bring a law of their own. */
export type Law = Readonly<{
  allowed: typeof allowed;
  readToo: typeof readToo;
  rooms: typeof rooms;
  modulesMin: typeof modulesMin;
  sizes: SizeLimits;
  known: Known;
}>;

export const law: Law = { allowed, readToo, rooms, modulesMin, sizes, known };
