import type { Mutation } from './mutation.ts';

const walk = 'proto/release/walk.ts';

export const clientMutations: readonly Mutation[] = [
  {
    name: 'take-an-older-set',
    edits: [{ file: walk, find: 'if (before && head.version < before.version) {', replace: 'if (false) {' }],
    breaks: ['AGENT_WENT_BACK'],
    seed: 4,
  },
  {
    name: 'take-a-set-that-nobody-signed',
    edits: [
      {
        file: 'proto/release/documents/root.ts',
        find: 'if (count >= threshold) return ok(undefined);',
        replace: 'if (true) return ok(undefined);',
      },
    ],
    breaks: ['AGENT_TRUSTS_FORGED'],
    seed: 4,
  },
  {
    name: 'forget-the-floor',
    edits: [{ file: walk, find: 'raised[track as TrackId] = floor;', replace: '' }],
    breaks: ['AGENT_FORGOT_FLOOR'],
    seed: 1,
  },
  {
    name: 'go-dark-where-a-swap-fails',
    edits: [
      {
        file: 'client/releases/decide/commit.ts',
        find: "case 'swapped':\n      if (!answer.result.ok) return fail(agent, turn,",
        replace: "case 'swapped':\n      if (!answer.result.ok) return fail({ ...agent, running: new Map() }, turn,",
      },
    ],
    breaks: ['AGENT_DARK'],
    seed: 6,
  },
  {
    name: 'run-what-is-revoked',
    edits: [
      {
        file: 'proto/release/legality.ts',
        find: "if (releases.revoked.includes(version)) return refused('VERSION_REVOKED', 'revoked');",
        replace: '',
      },
    ],
    breaks: ['AGENT_RAN_ILLEGAL'],
    seed: 115,
  },
  {
    name: 'pins-without-an-end',
    edits: [
      {
        file: 'proto/release/resolve.ts',
        find: 'pin.track === track && isInForce(pin, nowMs) &&',
        replace: 'pin.track === track &&',
      },
    ],
    breaks: ['AGENT_NOT_CURRENT'],
    seed: 3,
  },
  {
    name: 'pass-over-pins',
    edits: [
      {
        file: 'proto/release/resolve.ts',
        find: 'for (const pin of pinsFor(member, track, pins, nowMs)) {',
        replace: 'for (const pin of pinsFor(member, track, { ...pins, pins: [] }, nowMs)) {',
      },
    ],
    breaks: ['PIN_IGNORED'],
    seed: 3,
  },
];
