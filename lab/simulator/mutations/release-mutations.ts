import type { Mutation } from './mutation.ts';

const signer = 'coordinator/registry/signing/set-signer.ts';

export const releaseMutations: readonly Mutation[] = [
  {
    name: 'sign-two-sets-of-one-version',
    edits: [
      {
        file: signer,
        find: 'return Math.max((before ?? 0) + 1, Math.floor(nowMs / 1000));',
        replace: 'return Math.max(before ?? 0, Math.floor(nowMs / 1000));',
      },
      {
        // Who reads the lines throws at such a one, and the rule would never be asked.
        file: 'coordinator/ledger/state/fold-release.ts',
        find: 'if (!grew || !kept) throw new Error(`fold: a signed set goes back in versions`);',
        replace: '',
      },
    ],
    breaks: ['METADATA_NOT_GROWING'],
    seed: 1,
  },
  {
    name: 'raise-the-floor-to-where-it-is',
    edits: [
      {
        file: 'coordinator/registry/decide/channel-events.ts',
        find: 'before > releasing.floor && ',
        replace: '',
      },
    ],
    breaks: ['FLOOR_FELL'],
    seed: 1,
  },
  {
    name: 'serve-a-second-subscription',
    edits: [
      {
        file: 'coordinator/grpc/releases/release-streams.ts',
        find: 'this.#replace.get(cluster)?.();',
        replace: '',
      },
    ],
    breaks: ['STREAMS_UNCAPPED'],
    seed: 1,
  },
  {
    name: 'sign-no-change',
    edits: [{ file: signer, find: ' || changedSeq > set.coversSeq', replace: '' }],
    breaks: ['SET_NOT_CURRENT'],
    seed: 5,
  },
  {
    name: 'promote-too-early',
    edits: [
      {
        file: 'coordinator/registry/decide/gate.ts',
        find: "if (passed && ripe) return { verdict: 'promote', reasons: [] };",
        replace: "if (passed || ripe) return { verdict: 'promote', reasons: [] };",
      },
    ],
    breaks: ['GATE_PASSED_BY'],
    seed: 1,
  },
  {
    name: 'let-a-rejected-version-pass',
    edits: [
      {
        file: 'coordinator/registry/decide/passed.ts',
        find: "return decided === 'promote' || (decided !== 'reject' && stableHistory.includes(version));",
        replace: 'return true;',
      },
    ],
    breaks: ['GATE_PASSED_BY'],
    seed: 54,
  },
  {
    name: 'drop-the-floor',
    edits: [
      {
        file: 'coordinator/registry/decide/catalogue-of.ts',
        find: 'retired || version < floor || revoked.includes(version) ? []',
        replace: 'retired || revoked.includes(version) ? []',
      },
    ],
    breaks: ['CHANNEL_ILLEGAL'],
    seed: 29,
  },
  {
    name: 'move-to-a-revoked-version',
    edits: [
      {
        file: 'coordinator/registry/decide/catalogue-of.ts',
        find: 'retired || version < floor || revoked.includes(version) ? []',
        replace: 'retired || version < floor ? []',
      },
    ],
    breaks: ['CHANNEL_ILLEGAL'],
    seed: 29,
  },
];
