import { z } from 'zod';
import { aggregationSettings } from '../../../aggregation/policy.ts';
import type { RoundEvent } from '../../round/phase.ts';
import type { TrackPolicy } from '../../round/policy.ts';
import { policySettings, roundSettings } from '../../round/policy-settings.ts';
import type { RoundRules } from '../../round/rules.ts';
import type { JournalEvent } from '../journal/events.ts';
import type { State } from './state.ts';

const policyKnown = policySettings.extend({ aggregation: aggregationSettings });
const rulesKnown = z.strictObject({
  ...roundSettings.shape,
  updatesMin: z.unknown(),
  sparedMax: z.unknown(),
} satisfies Record<keyof RoundRules, z.ZodType>);

const stepsKnown: Readonly<Record<RoundEvent['kind'], true>> = {
  opened: true,
  counted: true,
  gathered: true,
  updateArrived: true,
  expelled: true,
  timePassed: true,
  aggregated: true,
  aggregationRefused: true,
  cancelled: true,
};

/**
 * What an event of a known kind says that this build does not know, in words: a setting of a policy or of a round's rules, or
 * a step of a round. Only a newer build writes such. Who went by the rest would run rounds and gates without what operators set, and
 * would take the same steps to another round. Undefined where all is known.
 */
export function unknownIn(event: JournalEvent): string | undefined {
  switch (event.kind) {
    case 'trackCreated':
    case 'policySet':
      return settingUnknownTo(policyKnown, event.policy, 'policy');
    case 'roundScheduled':
      return unknownInRound(event.policy, event.rules);
    case 'roundStepped': {
      const { kind } = event.event;
      return Object.hasOwn(stepsKnown, kind) ? undefined : `the step ${kind} of a round`;
    }
    default:
      return undefined;
  }
}

/** The same of a state that was not folded here: a snapshot may be a newer build's. */
export function unknownInState({ tracks }: State): string | undefined {
  for (const { track, policy, rounds } of tracks.values()) {
    const found = [
      settingUnknownTo(policyKnown, policy, 'policy'),
      ...[...rounds.values()].map(({ policy: ofRound, rules }) => unknownInRound(ofRound, rules)),
    ].find((unknown) => unknown !== undefined);
    if (found !== undefined) return `${found} of ${track}`;
  }
  return undefined;
}

function unknownInRound(policy: TrackPolicy, rules: RoundRules): string | undefined {
  return settingUnknownTo(policyKnown, policy, 'policy') ?? settingUnknownTo(rulesKnown, rules, 'rules');
}

/** Limits are no matter here: they were others in other builds. */
function settingUnknownTo(known: z.ZodType, settings: unknown, name: string): string | undefined {
  const parsed = known.safeParse(settings);
  if (parsed.success) return undefined;
  for (const issue of parsed.error.issues) {
    const path = [name, ...issue.path].join('.');
    if (issue.code === 'unrecognized_keys') return `${path}.${issue.keys[0]}`;
    // Of a rule, say, that this build has not.
    const isOther = issue.code === 'invalid_value' || (issue.code === 'invalid_union' && 'discriminator' in issue);
    if (isOther) return `another ${path}`;
  }
  return undefined;
}
