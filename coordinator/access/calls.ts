import type { OperatorRole } from '../ledger/journal/events.ts';
import type { Refusal } from './refusal-meter.ts';

/** Who may make a call: anyone at the enrolment port, clusters, doors, any certificate of ours, or operators from a role up. */
export type Access = 'stranger' | 'cluster' | 'door' | 'member' | OperatorRole;

export type CallRule<Kind extends Access = Access> = Readonly<{
  access: Kind;
  /** How a refusal of it is called in the audit log. */
  audit: Refusal['what'];
  /** The longest that a call may take, whatever deadline its caller set; Infinity for streams that stay open. */
  durationMsMax: number;
  /** Whether callers are limited by their address, before anything is read of what they say. */
  limited: boolean;
  /** How often one caller may, or why nobody counts. */
  metered: Metered;
}>;

/** `burst` at once, then `perMinute`; or the reason for which as many as come are served. */
export type Metered = Readonly<{ burst: number; perMinute: number } | { because: string }>;

const secondMs = 1_000;
const minuteMs = 60_000;
const hourMs = 3_600_000;
const standing = Number.POSITIVE_INFINITY;

/** A standing stream is opened once, and again after each cut. */
const reopened: Metered = { burst: 64, perMinute: 60 };
/** Files of a round or a release, and what is left of them after a cut; how many at once is bounded apart. */
const fetched: Metered = { burst: 256, perMinute: 600 };
/** Each has its signature checked before it is known whether it is news. What is news has a closer limit. */
const reported: Metered = { burst: 512, perMinute: 120 };
const byAddress: Metered = { because: 'limited by address: nobody is known yet' };
const asCheapAsRefusing: Metered = { because: 'answered from memory and writes nothing: a refusal would cost as much' };
const asItsCaller: Metered = { because: 'what comes through a door is metered by its own rule, as its cluster' };
const ofOperators: Metered = {
  because: 'operators are named by an admin, who can remove them; what they change is journalled under their name',
};

/**
 * Who may make which call, and for how long: the whole contract in one table, for every transport. Services and methods
 * are named as in proto/, in camel case.
 */
export const calls = {
  enrolment: {
    enrol: { ...rule('stranger', 'enrolment', 30 * secondMs, byAddress), limited: true },
    challenge: { ...rule('stranger', 'rejoin', 30 * secondMs, byAddress), limited: true },
    rejoin: { ...rule('stranger', 'rejoin', 30 * secondMs, byAddress), limited: true },
    /** Each signs a certificate and writes an entry; who needs one needs it once in hours. */
    renew: rule('member', 'renewal', 30 * secondMs, { burst: 8, perMinute: 1 }),
  },
  federation: {
    watch: rule('cluster', 'watch', standing, reopened),
    fetchModel: rule('cluster', 'fetch', hourMs, fetched),
    submitUpdate: rule('cluster', 'update', 12 * hourMs, { burst: 256, perMinute: 300 }),
    /** One a minute of each client; what it tells takes the place of what was there. */
    tellAlerts: rule('cluster', 'acknowledgement', 30 * secondMs, { burst: 16, perMinute: 6 }),
    /** One in a quarter of an hour of each client; what it tells takes the place of what was there. */
    tellMap: rule('cluster', 'acknowledgement', 30 * secondMs, { burst: 8, perMinute: 2 }),
    uploadStatus: rule('cluster', 'update', 30 * secondMs, asCheapAsRefusing),
  },
  releases: {
    subscribe: rule('cluster', 'watch', standing, reopened),
    fetchFile: rule('cluster', 'fetch', hourMs, fetched),
    acknowledge: rule('cluster', 'acknowledgement', 30 * secondMs, reported),
    reportShadow: rule('cluster', 'acknowledgement', 30 * secondMs, reported),
  },
  responses: {
    journalEvidence: rule('cluster', 'acknowledgement', 30 * secondMs, reported),
    reportBreaker: rule('cluster', 'acknowledgement', 30 * secondMs, reported),
    /** One in ten seconds of each agent at most; what it tells takes the place of what was there. */
    tellStanding: rule('cluster', 'acknowledgement', 30 * secondMs, { burst: 32, perMinute: 12 }),
  },
  /** What a door calls, and nobody else. */
  doors: {
    accept: rule('door', 'operation', 30 * secondMs, asItsCaller),
    handOn: rule('door', 'operation', 30 * secondMs, asItsCaller),
    attend: rule('door', 'watch', standing, reopened),
    /** A door sums up what it refuses, as a coordinator does. */
    note: rule('door', 'operation', 30 * secondMs, { burst: 4_096, perMinute: 4_096 }),
    renewDoor: rule('door', 'renewal', 30 * secondMs, { burst: 64, perMinute: 8 }),
  },
  operator: {
    getStatus: operation('viewer'),
    getDashboardLink: operation('viewer'),

    listClusters: operation('viewer'),
    getCluster: operation('viewer'),
    listReputations: operation('viewer'),
    revokeCluster: operation('admin'),
    setQuarantine: operation('operator'),
    setApprovedClasses: operation('admin'),
    setLabels: operation('admin'),
    createToken: operation('admin'),
    listTokens: operation('admin'),
    revokeToken: operation('admin'),
    listOperators: operation('admin'),
    addOperator: operation('admin'),
    removeOperator: operation('admin'),
    listDoors: operation('admin'),
    addDoor: operation('admin'),
    revokeDoor: operation('admin'),

    putTrack: operation('admin', 10 * minuteMs),
    listTracks: operation('viewer'),
    getProgress: operation('viewer'),
    putSample: operation('admin'),
    putAntibody: operation('operator'),
    revokeAntibody: operation('operator'),
    listAntibodies: operation('viewer'),
    moveHead: operation('operator'),

    openRound: operation('operator'),
    cancelRound: operation('operator'),
    listRounds: operation('viewer'),
    getRound: operation('viewer'),
    planRounds: operation('viewer'),
    /** As long as a round of thousands of clusters takes to aggregate. */
    replayRound: operation('operator', 30 * minuteMs),
    simulateAttacks: operation('operator', 30 * minuteMs),
    setFreeze: operation('operator'),
    liftFreeze: operation('operator'),
    listFreezes: operation('viewer'),

    listReleases: operation('viewer'),
    getRelease: operation('viewer'),
    revokeRelease: operation('operator'),
    exportRelease: operation('operator', 30 * minuteMs),
    importRelease: operation('admin', 30 * minuteMs),
    listChannels: operation('viewer'),
    assignChannel: operation('operator'),
    unassignChannel: operation('operator'),
    setChannel: operation('operator'),
    removeChannel: operation('operator'),
    promote: operation('operator'),
    rollBack: operation('operator'),
    getGate: operation('viewer'),
    overrideGate: operation('operator'),
    getMetadata: operation('viewer'),
    listPins: operation('viewer'),
    proposePins: operation('operator'),
    prepareKeys: operation('admin'),
    publishRoot: operation('admin'),

    listAudit: operation('viewer'),
    listAuditMatches: operation('viewer'),
    follow: operation('viewer', standing),
  },

  /** The standard services, for tools: grpc.health.v1 and grpc.reflection.v1 (and v1alpha). */
  health: {
    check: rule('member', 'operation', 30 * secondMs, asCheapAsRefusing),
    list: rule('member', 'operation', 30 * secondMs, asCheapAsRefusing),
    watch: rule('member', 'watch', standing, reopened),
  },
  serverReflection: {
    serverReflectionInfo: rule('member', 'watch', standing, reopened),
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, CallRule>>>>;

/** What the dashboard's pages ask for beside the operators' calls above; over HTTP, and so no part of the contract. */
export const dashboardCalls = {
  login: { ...rule('stranger', 'operation', 30 * secondMs, byAddress), limited: true },
  /** One for each page that somebody looks at. */
  live: rule('viewer', 'watch', standing, { burst: 256, perMinute: 240 }),
} as const satisfies Readonly<Record<string, CallRule>>;

/** The rule for a method by the path that gRPC gives it; undefined when the contract has no such method. */
export function ruleOf(path: string): CallRule | undefined {
  const [, service = '', method = ''] = /^\/[\w.]+\.(\w+)\/(\w+)$/.exec(path) ?? [];
  const lowerFirst = (name: string) => name.charAt(0).toLowerCase() + name.slice(1);
  const table: Readonly<Record<string, Readonly<Record<string, CallRule>>>> = calls;
  const methods = new Map(Object.entries(table)).get(lowerFirst(service));
  return new Map(Object.entries(methods ?? {})).get(lowerFirst(method));
}

function rule<Kind extends Access>(
  access: Kind,
  audit: Refusal['what'],
  durationMsMax: number,
  metered: Metered,
): CallRule<Kind> {
  return { access, audit, durationMsMax, limited: false, metered };
}

function operation<Kind extends OperatorRole>(access: Kind, durationMsMax = 30 * secondMs): CallRule<Kind> {
  return rule(access, 'operation', durationMsMax, ofOperators);
}
