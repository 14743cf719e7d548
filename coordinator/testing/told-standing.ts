import type { TellStandingRequest } from '../../proto/generated/testudo/v1/responses.ts';

const counts = 'quiet waits held begun isolated partly unenforced unjudged spent'
  .split(' ')
  .map((name) => `${name}Count`);
const decided = { outcome: '', decidedAtMs: 0, decidedBy: '', reason: '' };
const quiet = { inFlightCount: 0, rotatedCount: 0, countedSinceMs: 0, lastAtMs: 0, waiting: [], overBound: [] };

type Told = Readonly<Record<string, unknown> & { proposals?: readonly object[] }>;

/** What a response agent tells, of which a test says what matters to it; times as numbers. */
export function toldStanding(quarantine: Told = {}, rotation?: object): TellStandingRequest {
  const zeros = Object.fromEntries(counts.map((name) => [name, 0]));
  const { proposals = [], ...rest } = quarantine;
  const whole = {
    ...{ ...zeros, cap: 'ask', policyFault: '', policyUntilMs: 0, sharesNames: false, ...rest },
    proposals: proposals.map((one) => onWire({ ...decided, ...one })),
  };
  const turned = rotation && onWire({ mode: 'rotate', ...quiet, calendar: '', calendarUntilMs: 0, ...rotation });
  return { atMs: 1n, quarantine: onWire(whole), rotation: turned } as unknown as TellStandingRequest;
}

/** Members whose names end with Ms are 64 bits wide. */
function onWire(message: object): object {
  const members = Object.entries(message).map(([name, value]) => [
    name,
    name.endsWith('Ms') && typeof value === 'number' ? BigInt(Math.round(value)) : value,
  ]);
  return Object.fromEntries(members);
}
